"""The same rows get the same answers, the same refusals and the same counts, as tensors or as JSON objects."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.artifact import MAX_MAGNITUDE
from tests.app.inside import Answer, Application
from tests.app.v2.clients import decoded, output, request, texts

NUMBER = st.floats(-MAX_MAGNITUDE, MAX_MAGNITUDE) | st.integers(-(2**63), 2**63 - 1).map(float)
ROW = st.fixed_dictionaries(
    {
        "age": NUMBER,
        "region": st.sampled_from(["east", "north/west", "süd"]),
        "income": NUMBER | st.none(),
        "owns_home": st.booleans(),
        "employment": st.sampled_from(["employed", "self-employed", None]),
        "guarantor": st.booleans() | st.none(),
    }
)
BAD = st.sampled_from(
    [("age", 1e39), ("age", None), ("region", "west"), ("region", None), ("income", -1e300), ("employment", "retired")]
)


@pytest.fixture(scope="module")
def application(loans: Path) -> Application:
    return Application(loans, max_batch_rows=20)


def columns(rows: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    """The rows as the tensors of Triton's client."""
    found: dict[str, NDArray[Any]] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if name in ("region", "employment"):
            found[name] = texts(*values)
        else:  # an array of booleans has no room for a gap, one of floats has
            found[name] = np.array(values) if None not in values else np.array(values, np.float64)
    return found


def ask(application: Application, rows: list[dict[str, Any]], binary: bool) -> tuple[Answer, Answer]:
    """The answers to ``rows`` sent both ways, tensors first; both must have been counted alike."""
    counted = [application.metrics()]
    body, headers = request(columns(rows), binary=binary, outputs=["prediction", "probabilities"])
    tensors = application.post("/v2/models/loans/infer", body, headers)
    counted.append(application.metrics())
    batch = application.post("/predict/batch", {"instances": rows})
    counted.append(application.metrics())
    names = [name for name in counted[0] if name.startswith("model_")]
    first, second = ([after[name] - before[name] for name in names] for before, after in itertools.pairwise(counted))
    assert first == second
    return tensors, batch


@settings(deadline=None, max_examples=150)
@given(rows=st.lists(ROW, min_size=1, max_size=20), binary=st.booleans())
def test_the_same_rows_get_exactly_the_same_answers(
    application: Application, rows: list[dict[str, Any]], binary: bool
) -> None:
    counted = application.metrics()["model_prediction_rows_total"]
    tensors, batch = ask(application, rows, binary)
    assert (tensors.status, batch.status) == (200, 200)
    assert application.metrics()["model_prediction_rows_total"] == counted + 2 * len(rows)
    found = decoded(tensors.content, tensors.headers)
    assert output(found, "prediction").tolist() == batch.json()["predictions"]
    assert output(found, "probabilities").T.tolist() == [*batch.json()["probabilities"].values()]


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(ROW, min_size=1, max_size=21), bad=BAD, data=st.data(), binary=st.booleans())
def test_the_same_rows_are_refused_for_the_same_values(
    application: Application, rows: list[dict[str, Any]], bad: tuple[str, Any], data: st.DataObject, binary: bool
) -> None:
    place = data.draw(st.integers(0, len(rows) - 1))
    rows[place] = rows[place] | dict([bad])
    tensors, batch = ask(application, rows, binary)
    assert (tensors.status, batch.status) == (422, 422)
    named = [entry["pointer"].split("/")[2:] for entry in batch.json()["errors"]]
    said = tensors.json()["error"]
    if len(rows) > 20:
        assert "has 21 rows" in said
    else:
        assert named == [[str(place), bad[0]]]
        assert f"/{bad[0]}/{place} " in said


@settings(deadline=None)
@given(
    values=st.lists(st.integers(-128, 127), min_size=1, max_size=20),
    datatype=st.sampled_from([np.int8, np.int16, np.int32, np.int64, np.float16, np.float32, np.float64]),
    binary=st.booleans(),
)
def test_a_number_is_the_same_in_every_datatype_that_holds_it(
    application: Application, values: list[int], datatype: Any, binary: bool
) -> None:
    row = {"region": "east", "owns_home": True}
    batch = application.post("/predict/batch", {"instances": [row | {"age": value} for value in values]}).json()
    sent = {
        name: texts(*[value] * len(values)) if isinstance(value, str) else np.full(len(values), value)
        for name, value in row.items()
    }
    body, headers = request(sent | {"age": np.array(values, datatype)}, binary=binary)
    answer = application.post("/v2/models/loans/infer", body, headers)
    probabilities = output(decoded(answer.content, answer.headers), "probabilities")
    assert probabilities.T.tolist() == [*batch["probabilities"].values()]
