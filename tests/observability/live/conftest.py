"""How long it took from each fault to its alert, told at the end of a run."""

from __future__ import annotations

from typing import cast

import pytest

from .stage import FACTOR


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A table of what the tests recorded as ``alert``."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    rows = [
        cast(tuple[str, str, float], value)
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == "alert"
    ]
    if rows:
        terminalreporter.section(f"from fault to alert, in a time {FACTOR} times as fast")
        terminalreporter.write_line(f"{'fault':12}{'alert':28}{'took':>8}{'is':>10}")
        for fault, alert, seconds in rows:
            minutes, rest = divmod(round(seconds * FACTOR), 60)
            terminalreporter.write_line(f"{fault:12}{alert:28}{seconds:6.1f} s{minutes:6}:{rest:02}")
