"""Beyond the capacity: what is answered, what is refused and how long the accepted wait; and rows beside batches."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from bench import closed_loop, open_loop
from bench.formats import OWN
from bench.models import Model
from bench.open_loop import Answers
from bench.results import Curve, Mixed, Point, percentile

OK, SHED = 200, 503
CAPACITY_CONNECTIONS = 16
WINDOW_SECONDS = 0.1
SLOWER = 3
"""Recovered is who answers all requests of a window within this many times the p99 at half of the capacity."""
SINGLE_ROWS_RATE = 100
BATCH_CONNECTIONS = 4
_PAUSE_SECONDS = 1


@dataclass(frozen=True)
class Stages:
    """How a curve is walked: multiples of the capacity, so many seconds each."""

    multiples: tuple[float, ...] = (0.5, 1, 2, 5, 10)
    seconds: float = 3
    recovery_seconds: float = 3


def curve(server: str, port: int, model: Model, rows: int, stages: Stages, folder: Path, core: int) -> Curve:
    """Measure the capacity in a closed loop, then walk the stages in an open one, then watch the server recover."""
    requests, targets = folder / f"requests-overload-{rows}", folder / f"overload-{rows}.json"
    write_all(requests, model, rows)
    open_loop.write_targets(targets, OWN, model, rows, port)
    capacity = closed_loop.run(port, requests, CAPACITY_CONNECTIONS, stages.seconds, core).rate
    points: list[Point] = []
    for multiple in stages.multiples:
        time.sleep(_PAUSE_SECONDS)
        answers = open_loop.ask(targets, multiple * capacity, stages.seconds, core)
        points.append(point(answers, multiple, multiple * capacity))
    after = open_loop.ask(targets, capacity / 2, stages.recovery_seconds, core)
    return Curve(server, model.name, rows, capacity, points, recovery(after, points[0].p99))


def mixed(server: str, port: int, model: Model, rows: int, seconds: float, folder: Path, core: int) -> Mixed:
    """Single rows at a fixed rate, first alone, then while ``rows``-row batches are asked for without a pause."""
    requests, targets = folder / f"requests-mixed-{rows}", folder / "singles.json"
    write_all(requests, model, rows)
    open_loop.write_targets(targets, OWN, model, 1, port)
    alone = open_loop.ask(targets, SINGLE_ROWS_RATE, seconds, core)
    attack = open_loop.start(targets, SINGLE_ROWS_RATE, seconds, core)
    load = closed_loop.run(port, requests, BATCH_CONNECTIONS, seconds, core)
    beside = open_loop.finish(attack, targets, seconds)
    return Mixed(
        server=server,
        model=model.name,
        rate=SINGLE_ROWS_RATE,
        alone_p50=percentile(accepted(alone), 0.5),
        alone_p99=percentile(accepted(alone), 0.99),
        beside_p50=percentile(accepted(beside), 0.5),
        beside_p99=percentile(accepted(beside), 0.99),
        failed=sum(status != OK for status in beside.statuses),
        batches=load.rate,
    )


def write_all(file: Path, model: Model, rows: int) -> None:
    """All of the model's rows as whole requests of ``rows`` rows."""
    closed_loop.write_requests(file, OWN.requests(model, rows))


def accepted(answers: Answers) -> list[float]:
    """The latencies (ms) of the requests that were answered with 200."""
    return [1000 * latency for status, latency in zip(answers.statuses, answers.latencies, strict=True) if status == OK]


def point(answers: Answers, multiple: float, asked: float) -> Point:
    """A stage in figures. Rates are over the time from the first request to the last answer, so a backlog counts."""
    ends = [start + latency for start, latency in zip(answers.starts, answers.latencies, strict=True)]
    whole, sending = max(ends, default=1.0), max(answers.starts[-1:], default=1.0) or 1.0
    good, shed = answers.statuses.count(OK), answers.statuses.count(SHED)
    return Point(
        asked=asked,
        multiple=multiple,
        offered=len(answers.starts) / sending,
        good=good / whole,
        shed=shed / whole,
        failed=(len(answers.statuses) - good - shed) / whole,
        p50=percentile(accepted(answers), 0.5),
        p99=percentile(accepted(answers), 0.99),
    )


def recovery(after: Answers, usual_p99: float | None) -> float | None:
    """Seconds until the answers are as usual and stay so (see `SLOWER`); None where the last window's are not."""
    if not after.starts or usual_p99 is None:
        return None
    count = int(after.starts[-1] / WINDOW_SECONDS) + 1
    worst = [0.0] * count
    for start, status, latency in zip(after.starts, after.statuses, after.latencies, strict=True):
        window = int(start / WINDOW_SECONDS)
        worst[window] = max(worst[window], 1000 * latency if status == OK else float("inf"))
    bad = [index for index, slowest in enumerate(worst) if slowest > SLOWER * usual_p99]
    if not bad:
        return 0.0
    return None if bad[-1] == count - 1 else (bad[-1] + 1) * WINDOW_SECONDS
