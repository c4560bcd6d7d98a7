"""Single rows share a heavy model's calls: fewer calls than rows, each row's own answer, and its own errors only."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.artifact import load
from app.metrics import Metrics
from app.model import MOST_SHARED, Model, shared_rows
from app.predict import Predictor
from app.schema import Feed, RequestSchema
from app.settings import Settings
from app.sharing import SharedCalls
from tests.app.models import FLOWER


class Watched:
    """A model's ``run`` that remembers how many rows each call had, and can be held up."""

    def __init__(self, model: Model) -> None:
        self.rows: list[int] = []
        self.open = threading.Event()
        self.open.set()
        self._run = model.run

    def __call__(self, feed: Feed) -> list[Any]:
        self.rows.append(len(next(iter(feed.values()))))
        assert self.open.wait(timeout=30)
        return self._run(feed)


def predictor(model: Model) -> Predictor:
    """What answers /predict for ``model``."""
    manifest = model.manifest
    return Predictor(model, RequestSchema(manifest, 100), Metrics(Settings(), manifest), log_features=True)


def test_rows_at_the_same_time_take_fewer_calls_and_get_the_answers_they_get_alone(
    slow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model(load(slow))
    watched = Watched(model)
    monkeypatch.setattr(model, "run", watched)
    bodies = [json.dumps({"steps": steps}).encode() for steps in range(1000, 1060)]

    async def ask() -> tuple[list[Any], list[Any]]:
        answering = predictor(model)
        together = await asyncio.gather(*(answering.predict_row(body, {}) for body in bodies))
        calls = len(watched.rows)
        assert calls < len(bodies) / 2
        assert sum(watched.rows) == len(bodies)
        alone = [await answering.predict_row(body, {}) for body in bodies]
        assert watched.rows[calls:] == [1] * len(bodies)
        return together, alone

    together, alone = asyncio.run(ask())
    assert [reply.content for reply in together] == [reply.content for reply in alone]
    assert [json.loads(reply.content)["prediction"] for reply in together] == list(range(1000, 1060))


def test_rows_that_come_during_a_call_go_together_in_the_next_up_to_the_limit(slow: Path) -> None:
    watched = Watched(Model(load(slow)))
    watched.open.clear()

    async def ask() -> None:
        with ThreadPoolExecutor(4) as threads:
            calls = SharedCalls(watched, threads, most=4)
            asked = [asyncio.create_task(calls.predict({"numbers": np.array([[9.0]])}))]
            while not watched.rows:
                await asyncio.sleep(0.01)
            asked += [asyncio.create_task(calls.predict({"numbers": np.array([[1.0 + row]])})) for row in range(6)]
            await asyncio.sleep(0)
            asked[3].cancel()
            watched.open.set()
            found = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(found.pop(3), asyncio.CancelledError)
        assert [outputs[0].tolist() for outputs in found if isinstance(outputs, list)] == [
            [9.0], [1.0], [2.0], [4.0], [5.0], [6.0],
        ]  # fmt: skip

    asyncio.run(ask())
    assert watched.rows == [1, 3, 2]


def test_a_row_that_fails_does_not_take_its_neighbours_with_it(fragile: Path) -> None:
    watched = Watched(Model(load(fragile)))
    watched.open.clear()
    rows = [[3.0, 2.0], [77.0, 1.0], [4.0, 2.0], [3.0, 0.0], [5.0, 2.0]]

    async def ask() -> list[Any]:
        with ThreadPoolExecutor(4) as threads:
            calls = SharedCalls(watched, threads, most=16)
            asked = [asyncio.create_task(calls.predict({"numbers": np.array([row])})) for row in [[1.0, 1.0], *rows]]
            while not watched.rows:
                await asyncio.sleep(0.01)
            watched.open.set()
            return await asyncio.gather(*asked, return_exceptions=True)

    first, *found = asyncio.run(ask())
    assert watched.rows[0] in (1, 6)
    assert first[0].tolist() == [1.0]
    assert [outcome[0].item() if isinstance(outcome, list) else type(outcome) for outcome in found] == [
        1.5, type(found[1]), 2.0, ArithmeticError, 2.5,
    ]  # fmt: skip
    assert isinstance(found[1], Exception)


def test_rows_that_come_after_the_threads_have_ended_are_told_so(slow: Path) -> None:
    async def ask() -> None:
        threads = ThreadPoolExecutor(1)
        threads.shutdown()
        calls = SharedCalls(Model(load(slow)).run, threads, most=4)
        with pytest.raises(RuntimeError, match="after shutdown"):
            await asyncio.wait_for(calls.predict({"numbers": np.array([[1.0]])}), timeout=30)

    asyncio.run(ask())


def test_only_what_pays_is_shared(flowers: Path, slow: Path) -> None:
    assert Model(load(flowers)).shared_rows == 1
    assert Model(load(slow)).shared_rows > 1
    assert shared_rows(alone=0.010, further=0.006) == 1
    assert shared_rows(alone=0.010, further=0.003) == 11
    assert shared_rows(alone=0.010, further=-0.001) == MOST_SHARED


def test_a_light_model_never_shares(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(load(flowers))
    watched = Watched(model)
    monkeypatch.setattr(model, "run", watched)

    async def ask() -> None:
        answering = predictor(model)
        await asyncio.gather(*(answering.predict_row(json.dumps(FLOWER).encode(), {}) for _ in range(20)))

    asyncio.run(ask())
    assert watched.rows == [1] * 20
