"""Made-up results of a session, for what is made from them."""

from __future__ import annotations

from bench.closed_loop import Load
from bench.results import Absent, Curve, Figure, Footprint, Machine, Mixed, Point, Results
from bench.servers import SEED, SERVICE

BARE = "bare ASGI + ONNX Runtime, uvicorn"
MACHINE = Machine(
    processor="a processor", cores=2, memory_gb=8, system="a system", python="3.11.7", date="2026-01-01 00:00 UTC",
    commit="abc", command="make bench", seconds=60, rounds=3, seconds_each=2, rows=4000, busy_before=0.1,
)  # fmt: skip


def figure(server: str, rates: list[float], rows: int = 1, kind: str = "limit", **other: object) -> Figure:
    """A cell with one load a round."""
    loads = [Load(rate, 0, p50=1000 / rate, p99=2000 / rate, generator=0.5) for rate in rates]
    told: dict[str, object] = {"model": "iris", "form": "JSON", "connections": 16} | other
    return Figure(server=server, kind=kind, rows=rows, loads=loads, **told)  # pyright: ignore[reportArgumentType]


def footprint(server: str, cold_start: float, megabytes: float) -> Footprint:
    """What a server takes."""
    return Footprint(server, "service", "iris", [cold_start], [cold_start / 2], megabytes, megabytes, megabytes, None)


def point(multiple: float, good: float, shed: float = 0, p99: float | None = 5.0) -> Point:
    """A stage at a capacity of 100."""
    return Point(100 * multiple, multiple, 100 * multiple, good, shed, 0, p99, p99)


def session() -> Results:
    """A small session in which this service is 50 times the seed with one row and half the seed with 1,000."""
    return Results(
        machine=MACHINE,
        versions={"uvicorn": "0.1"},
        checked={SERVICE: 4000},
        figures=[
            figure(SERVICE, [4000, 5000, 5500], kind="service"),
            figure(SERVICE, [5, 5, 5], rows=1000, kind="service"),
            figure(SEED, [100, 100, 100], kind="seed"),
            figure(SEED, [10, 10, 10], rows=1000, kind="seed"),
            figure(BARE, [8000, 8000, 8000]),
            figure("A peer, scikit-learn", [900, 900, 900], kind="peer"),
            figure("A peer, ONNX Runtime", [500, 500, 500], kind="peer"),
        ],
        footprints=[footprint(SERVICE, 0.5, 120), footprint(SEED, 2.0, 240)],
        curves=[Curve(SERVICE, "iris", 1000, 100, [point(0.5, 50), point(2, 95, 105), point(10, 80, 900)], 0.3)],
        mixed=[Mixed(SERVICE, "iris", 100, 1.0, 2.0, 2.0, 8.0, 0, 50)],
        absent=[Absent("Another peer", "it has no | wheel\nfor this")],
    )
