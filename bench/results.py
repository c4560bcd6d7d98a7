"""What a session found: everything that the page and the plots are made from, as one JSON file."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import msgspec

from bench.closed_loop import Load


class Machine(msgspec.Struct, frozen=True):
    """Where, when and by which command it was measured."""

    processor: str
    cores: int
    memory_gb: float
    system: str
    python: str
    date: str
    commit: str
    command: str
    seconds: float
    rounds: int
    seconds_each: float
    rows: int
    busy_before: float
    """Processes that waited for or had a core in the minute before (the load average): near 0 on a quiet machine."""


class Figure(msgspec.Struct, frozen=True):
    """The rounds of one cell: a server, a model, a format, rows to a request, connections."""

    server: str
    kind: str
    model: str
    form: str
    rows: int
    connections: int
    loads: list[Load]

    @property
    def rate(self) -> float:
        """The median of the rounds' rates, in requests a second."""
        return median(load.rate for load in self.loads)

    @property
    def spread(self) -> float:
        """Half of the distance between the best and the worst round, as a share of the median."""
        rates = [load.rate for load in self.loads]
        return (max(rates) - min(rates)) / 2 / self.rate if self.rate else 0.0

    @property
    def errors(self) -> int:
        """Of all rounds."""
        return sum(load.errors for load in self.loads)


class Footprint(msgspec.Struct, frozen=True):
    """What a server takes: seconds to its first 200 (each start), seconds of imports, MB of memory and of disk."""

    server: str
    kind: str
    model: str
    cold_starts: list[float]
    imports: list[float]
    started_mb: float
    loaded_mb: float
    peak_mb: float
    disk_mb: float | None


class Point(msgspec.Struct, frozen=True):
    """A stage of overload. Rates are requests a second, latencies of accepted requests ms (None where none was)."""

    asked: float
    multiple: float
    offered: float
    good: float
    shed: float
    failed: float
    p50: float | None
    p99: float | None


class Curve(msgspec.Struct, frozen=True):
    """A server under more and more load. ``recovery`` is in s, None where it did not recover while watched."""

    server: str
    model: str
    rows: int
    capacity: float
    points: list[Point]
    recovery: float | None


class Mixed(msgspec.Struct, frozen=True):
    """Latencies (ms) of single rows at a fixed rate, alone and while batches run; ``failed`` were beside batches."""

    server: str
    model: str
    rate: float
    alone_p50: float | None
    alone_p99: float | None
    beside_p50: float | None
    beside_p99: float | None
    failed: int
    batches: float


class Absent(msgspec.Struct, frozen=True):
    """What could not be measured, and why."""

    what: str
    reason: str


class Results(msgspec.Struct):
    """A whole session. ``versions`` are those of the packages that the figures depend on most."""

    machine: Machine
    versions: dict[str, str] = {}
    checked: dict[str, int] = {}
    figures: list[Figure] = []
    footprints: list[Footprint] = []
    curves: list[Curve] = []
    mixed: list[Mixed] = []
    absent: list[Absent] = []

    def save(self, file: Path) -> None:
        """Write it, readable in a diff."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def read(file: Path) -> Results:
    """What `Results.save` wrote."""
    return msgspec.json.decode(file.read_bytes(), type=Results)


def percentile(values: list[float], share: float) -> float | None:
    """The value below which ``share`` of ``values`` lie, by the nearest rank; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
