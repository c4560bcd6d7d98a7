"""The report: one self-contained HTML page on a model, made of the same bytes for the same model."""

from training.report.page import render_report

__all__ = ["render_report"]
