"""The report: self-contained, accessible, and about this model."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from app.artifact import MAX_MAGNITUDE, load
from training.pipeline import train
from training.progress import Progress
from training.report import plots
from training.settings import load_settings


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def iris_page(iris_artifacts: Path) -> Page:
    return Page((load(iris_artifacts / "iris").directory / "report.html").read_text(encoding="utf-8"))


def test_the_report_needs_nothing_but_itself(iris_artifacts: Path) -> None:
    content = (load(iris_artifacts / "iris").directory / "report.html").read_text(encoding="utf-8")
    page = Page(content)
    assert page.all("script") + page.all("link") + page.all("img") + page.all("iframe") == []
    assert re.findall(r"(?:src|href)=\"(?!#)[^\"]*\"", content) == []
    assert re.findall(r"url\((?!#)", content) == []


def test_the_report_is_accessible(iris_page: Page) -> None:
    assert iris_page.all("html")[0]["lang"] == "en"
    plots = iris_page.all("svg")
    assert len(plots) == 7
    assert all(plot["role"] == "img" and len(plot["aria-label"] or "") > 20 for plot in plots)
    headings = [tag for tag, _ in iris_page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert headings.count("h1") == 1
    assert headings[0] == "h1"
    identifiers = [attributes["id"] for _, attributes in iris_page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))


def test_the_report_tells_the_metrics_the_confusion_and_the_origin(iris_page: Page, iris_artifacts: Path) -> None:
    manifest = load(iris_artifacts / "iris").manifest
    for name, value in manifest.metrics.items():
        assert name in iris_page.text
        assert f"{value:.4g}" in iris_page.text
    for word in ("Confusion matrix", "virginica", manifest.data.fingerprint, manifest.files["model.onnx"]):
        assert word in iris_page.text
    assert "train.random_forest.n_estimators" in iris_page.text


def test_names_and_values_from_the_data_cannot_break_the_page(tmp_path: Path) -> None:
    nasty = ['<script>alert("1")</script>', "a & b", "$x^2$ costs $5", "</svg>"]
    table = pd.DataFrame(
        {
            "<b>&'": [nasty[row % 4] for row in range(80)],
            "$a$": [float(row) for row in range(80)],
            "y": ["<i>no</i>" if row < 40 else "yes & more" for row in range(80)],
        }
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    options: dict[str, Any] = {"data.source": str(tmp_path / "t.csv"), "data.target": "y"}
    settings = load_settings(None, options, ["validation.mode=never", "train.random_forest.n_estimators=5"])
    outcome = train(settings, "t", tmp_path, Progress(Console(quiet=True)))
    page = Page((outcome.directory / "report.html").read_text(encoding="utf-8"))
    assert page.all("script") + page.all("b") + page.all("i") == []
    assert len(page.all("svg")) == 5
    assert "$x^2$ costs $5" in page.text
    assert "<i>no</i>" in page.text


@pytest.mark.parametrize(
    "values",
    [
        [7.0],
        [0.3, 0.1 + 0.2],
        [1.0, np.nextafter(1.0, 2.0)],
        [2.0**63],
        [-(2.0**63), -(2.0**63) + 1024],
        [-MAX_MAGNITUDE],
        [0.0, 5e-324],
        [-MAX_MAGNITUDE, 0.0, MAX_MAGNITUDE],
        [1e-320, 1e-310],
    ],
)
def test_numbers_of_any_range_can_be_drawn(values: list[float]) -> None:
    drawn = plots.histogram("x", np.array(values), "rows")
    assert f"{len(values)} values" in drawn
    assert "nan" not in drawn


def test_names_in_any_script_are_drawn_without_a_warning() -> None:
    assert "花の種類" in plots.bars("花の種類 🌸", ["あやめ 🌸"], [1.0], "rows")


def test_a_regression_shows_residuals_instead_of_a_confusion_matrix(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": [float(row) for row in range(60)], "y": [row * 1.5 + 0.25 for row in range(60)]})
    table.to_csv(tmp_path / "t.csv", index=False)
    options: dict[str, Any] = {"data.source": str(tmp_path / "t.csv"), "data.target": "y", "train.estimator": "linear"}
    outcome = train(
        load_settings(None, options, ["validation.mode=never"]), "t", tmp_path, Progress(Console(quiet=True))
    )
    page = Page((outcome.directory / "report.html").read_text(encoding="utf-8"))
    assert "Residuals" in page.text
    assert "Confusion matrix" not in page.text
    assert len(page.all("svg")) == 5
