"""Expectations: what is made of accepted data, what each rule catches and how it says so, and whose file it is."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from training.errors import DataError, SettingsError, TrainingError
from training.progress import Progress
from training.settings import Settings, load_settings
from training.split import split_rows
from training.table import build_table
from training.validate.check import validate

ROWS = 200


def people(**changes: Callable[[Any], Any] | pd.Series | np.ndarray | int) -> pd.DataFrame:
    """Rows with an id, a moment, numbers, texts and booleans with gaps, and a target that no column gives away."""
    generator = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "person_id": [f"p{row}" for row in range(ROWS)],
            "at": pd.date_range("2026-01-01", periods=ROWS, freq="h"),
            "age": generator.integers(20, 60, ROWS).astype(float),
            "income": np.round(generator.lognormal(10, 0.4, ROWS), 2),
            "town": generator.choice(["Bern", "Genf", "Chur"], ROWS).astype(object),
            "owner": (generator.random(ROWS) < 0.5).astype(object),
            "y": generator.choice(["no", "yes"], ROWS, p=[0.7, 0.3]).astype(object),
        }
    )
    table.loc[::20, ["income", "town", "owner"]] = None
    for name, change in changes.items():
        table[name] = change(table[name]) if callable(change) else change
    return table


class Folder:
    """A place where a model named people is trained again and again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "validation" / "people.json"

    def settings(self, *overrides: str) -> Settings:
        options = {"data.source": "people.csv", "data.target": "y", "data.timestamp": "at"}
        return load_settings(None, options, [f"validation.directory={self.file.parent}", *overrides])

    def check(self, table: pd.DataFrame, *overrides: str) -> str:
        """Validate and return what was said."""
        settings = self.settings(*overrides)
        built = build_table(table, settings.data)
        _, test_rows = split_rows(built, settings.split)
        said = io.StringIO()
        progress = Progress(Console(file=said, width=1000))
        validate(built, test_rows, settings, "people", self.directory / "artifacts", progress)
        return said.getvalue()

    def refusal(self, table: pd.DataFrame, *overrides: str) -> str:
        with pytest.raises(DataError) as caught:
            self.check(table, *overrides)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def rules(self) -> list[dict[str, Any]]:
        return json.loads(self.file.read_text())["expectations"]

    def page(self) -> str:
        [page] = (self.directory / "artifacts" / "people" / "data").glob("*/validation.html")
        return page.read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty place."""
    return Folder(tmp_path)


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The expectations of data that were accepted once."""
    place = Folder(tmp_path_factory.mktemp("accepted"))
    place.check(people())
    return place.file


@pytest.fixture
def later(folder: Folder, accepted: Path) -> Folder:
    """A place that holds the expectations of accepted data."""
    folder.file.parent.mkdir()
    shutil.copy(accepted, folder.file)
    return folder


def test_accepted_data_leave_expectations_that_equal_and_like_data_meet(folder: Folder) -> None:
    said = folder.check(people())
    assert "wrote" in said
    assert "commit it" in said
    before = folder.file.read_text()
    assert "renewed" not in folder.check(people())
    assert folder.file.read_text() == before
    other = people(age=lambda age: age + 3, income=lambda income: income * 1.1)
    assert "renewed" in folder.check(other)
    assert folder.file.read_text() != before


def test_there_is_a_rule_for_everything_that_was_promised(accepted: Path) -> None:
    rules = json.loads(accepted.read_text())["expectations"]
    found = {(rule["type"].removeprefix("expect_"), rule["kwargs"].get("column")) for rule in rules}
    assert {
        ("table_columns_to_match_set", None),
        ("table_row_count_to_be_between", None),
        ("compound_columns_to_be_unique", None),
        ("column_values_to_be_in_set", "(held out, and taught too)"),
        ("column_values_to_be_unique", "person_id"),
        ("column_values_to_not_be_null", "at"),
        ("column_values_to_not_be_null", "y"),
        ("column_values_to_be_in_set", "y"),
        ("column_kl_divergence_to_be_less_than", "y"),
        ("column_values_to_be_between", "age"),
        ("column_values_to_be_in_set", "town"),
        ("column_values_to_be_in_type_list", "owner"),
        ("column_not_to_predict_target_alone", "income"),
    } <= found


BROKEN: list[tuple[Callable[[], pd.DataFrame], list[str]]] = [
    (lambda: people(extra=1), ["columns_to_match_set (unexpected: extra"]),
    (lambda: people().drop(columns="age"), ["columns_to_match_set (missing: age", "on 'age'"]),
    (lambda: people().head(90), ["row_count_to_be_between (is 90, min_value 100)"]),
    (
        lambda: people(age=lambda age: age.mask(age.index.isin([6, 10]), 999)),
        ["to_be_between on 'age' (2 of 200 values: row 7 has '999.0', row 11 has '999.0')"],
    ),
    (
        lambda: people(town=lambda town: town.mask(town.index == 4, "Atlantis")),
        ["to_be_in_set on 'town' (1 of 190 values: row 5 has 'Atlantis')"],
    ),
    (
        lambda: people(age=lambda age: age.mask(age.index < 15)),
        ["not_be_null on 'age' (15 of 200 values: row 1 has 'nan'"],
    ),
    (
        lambda: people(y=lambda y: y.mask(y.index >= 185)),
        ["not_be_null on 'y' (15 of 200 values: row 186 has 'None'"],
    ),
    (
        lambda: people(y=lambda y: y.mask(y.index < 3, "maybe")),
        ["to_be_in_set on 'y' (3 of 200 values: row 1 has 'maybe'"],
    ),
    (lambda: people(y=lambda y: y.mask(y.index > 30, "yes")), ["kl_divergence_to_be_less_than on 'y' (is "]),
    (
        lambda: people(age=lambda age: age.astype(int).astype(str)),
        ["in_type_list on 'age' (200 of 200 values: row 1 has "],
    ),
    (lambda: people(town=people()["y"].map({"no": "Bern", "yes": "Genf"})), ["alone on 'town' (is 1.0, at_most 0.99)"]),
    (
        lambda: pd.concat([people().head(150), people().head(50).assign(person_id=[f"q{row}" for row in range(50)])]),
        ["compound_columns_to_be_unique (100 of 200 values: row 1, row 2", "on '(held out, and taught too)'"],
    ),
]


@pytest.mark.parametrize(("make", "words"), BROKEN)
def test_what_breaks_a_rule_is_named_with_its_column_count_and_rows(
    make: Callable[[], pd.DataFrame], words: list[str], later: Folder
) -> None:
    kept = later.file.read_text()
    message = later.refusal(make())
    assert [word for word in words if word not in message] == []
    assert f"change {later.file}" in message
    assert later.file.read_text() == kept


def test_an_id_that_comes_twice_is_refused_at_the_first_sight(folder: Folder) -> None:
    table = people(person_id=lambda ids: ids.mask(ids.index == 9, "p3"))
    message = folder.refusal(table, 'data.id=["person_id"]')
    assert "to_be_unique on 'person_id' (2 of 200 values: row 4 has 'p3', row 10 has 'p3')" in message
    assert not folder.file.exists()


def test_a_quantity_that_a_feature_gives_away_is_refused(folder: Folder) -> None:
    table = people(y=np.arange(ROWS) * 1.5, income=np.arange(ROWS) * 3.0 + 7)
    assert "alone on 'income' (is 0.999" in folder.refusal(table)
    assert "expectations hold" in folder.check(table.drop(columns="income"), 'data.timestamp="at"')


def test_a_file_that_a_person_changed_is_obeyed_and_never_overwritten(later: Folder) -> None:
    suite = json.loads(later.file.read_text())
    for rule in suite["expectations"]:
        if rule["kwargs"].get("column") == "age" and "max_value" in rule["kwargs"]:
            rule["kwargs"]["max_value"] = 50
    later.file.write_text(json.dumps(suite))
    assert "between on 'age'" in later.refusal(people())
    younger = people(age=lambda age: age.clip(upper=50))
    written = later.file.read_text()
    assert "was edited and stays as it is" in later.check(younger)
    assert later.file.read_text() == written


def test_another_layout_of_the_file_is_no_change(later: Folder) -> None:
    later.file.write_text(json.dumps(json.loads(later.file.read_text())))
    assert "renewed" in later.check(people(age=lambda age: age + 1))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not a suite of expectations"),
        ('{"expectations": 1}', "not a suite of expectations"),
        ('{"expectations": [{"type": "expect_nonsense", "kwargs": {}}]}', "expectation 1: expect_nonsense not found"),
        (
            '{"expectations": [{"type": "expect_column_values_to_be_unique", "kwargs": {"colum": "y"}}]}',
            "expectation 1: ",
        ),
    ],
)
def test_a_file_with_a_mistake_is_refused_by_name(content: str, words: str, folder: Folder) -> None:
    folder.file.parent.mkdir()
    folder.file.write_text(content)
    with pytest.raises(SettingsError) as caught:
        folder.check(people())
    assert words in str(caught.value)
    assert str(folder.file) in str(caught.value)


def test_data_docs_say_what_failed_and_load_nothing(later: Folder) -> None:
    later.refusal(people(town=lambda town: town.mask(town.index == 4, '<script src="x">')))
    page = later.page()
    assert "values must belong to this set" in page
    assert "must not predict" in page
    assert "&lt;script" in page
    assert re.findall(r"<script|<link|<a |<[^>]*(?:src|href)=|url\(|@import", page) == []
    assert "default-src 'none'" in page


def test_without_the_library_newcomers_get_a_note_and_kept_rules_stop_the_run(
    folder: Folder, accepted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(name: str) -> None:
        assert name == "great_expectations"

    monkeypatch.setattr(importlib.util, "find_spec", none)
    assert "not validated: Great Expectations is not installed" in folder.check(people())
    with pytest.raises(TrainingError, match="Great Expectations, which checks them, is missing"):
        folder.check(people(), "validation.mode=always")
    folder.file.parent.mkdir()
    shutil.copy(accepted, folder.file)
    with pytest.raises(TrainingError, match=r"people\.json: Great Expectations"):
        folder.check(people())
    assert "not validated, as validation.mode says" in folder.check(people(), "validation.mode=never")


def test_a_file_that_cannot_be_written_is_said_and_stops_nothing(folder: Folder) -> None:
    folder.file.parent.write_text("a file where the folder would be")
    with pytest.raises(SettingsError, match="Not a directory"):
        folder.check(people())


def test_a_validation_connects_to_nothing_and_leaves_no_file_at_home(tmp_path: Path, accepted: Path) -> None:
    code = f"""
import socket
def refuse(*_): raise AssertionError("a connection")
socket.socket.connect = socket.getaddrinfo = refuse
import json, pathlib, pandas
from training.validate.docs import render
from training.validate.run import run
file = pathlib.Path({str(accepted)!r})
result, failures = run(pandas.DataFrame({{"age": [1.0]}}, index=[1]), json.loads(file.read_text()), file)
print(len(failures) > 0, len(render(result, "t")) > 1000)
"""
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "True"], done.stderr
    assert list(tmp_path.iterdir()) == []
