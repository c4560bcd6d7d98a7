"""One session: every server checked, then measured in rounds that take turns, then overloaded.

Servers run one at a time: each round starts a server, measures it and ends it, and goes on to the next. So none
disturbs another, a slow minute of the machine meets all alike, and every start is a cold start to measure.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import SubprocessError

from bench import checks, closed_loop, environments, overload
from bench.environments import Environment, Progress, Unavailable
from bench.footprint import import_times
from bench.models import LARGE, Model
from bench.overload import Stages
from bench.process import Memory, Running, StartFailed, environment, free_ports, serving
from bench.results import Absent, Figure, Footprint, Results
from bench.servers import Cell, Extent, Server, Target


@dataclass(frozen=True)
class Plan:
    """How long a session measures what. A whole session with the peers takes about 25 minutes on two cores."""

    extent: Extent = field(default_factory=Extent)
    rounds: int = 3
    seconds: float = 2
    warm_seconds: float = 1
    stages: Stages = field(default_factory=Stages)
    overload_rows: dict[str, int] = field(default_factory=lambda: {"iris": 1000, LARGE.name: 100})
    mixed_rows: int = 1000
    large: bool = True


@dataclass
class Seen:
    """What a server's turns have shown so far."""

    cells: list[Cell]
    loads: list[list[closed_loop.Load]]
    cold_starts: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    memories: list[Memory] = field(default_factory=list)


class Session:
    """Measures ``servers`` into ``results``; whatever fails is kept there with its reason, and the rest goes on."""

    def __init__(self, plan: Plan, folder: Path, cores: tuple[int, int], results: Results, progress: Progress) -> None:
        self._plan = plan
        self._folder = folder
        self._core, self._load_core = cores
        self._results = results
        self._progress = progress
        self._environments: dict[str, Environment] = {}

    def use(self, name: str, found: Environment) -> None:
        """Run the servers of environment ``name`` in ``found``, without installing it."""
        self._environments[name] = found

    def compare(self, servers: list[Server], model: Model) -> None:
        """Check the servers, measure those whose answers are right in rounds, and keep what they showed."""
        seen: dict[str, Seen] = {}
        fit = [server for server in servers if self._check(server, model, seen)]
        for turn in range(self._plan.rounds):
            for server in fit:
                self._progress(f"round {turn + 1} of {self._plan.rounds}, {model.name}: {server.name}")
                with self._kept(f"{server.name} ({model.name}), round {turn + 1}"):
                    self._measure(server, model, seen[server.name])
        for server in fit:
            self._keep(server, model, seen[server.name])

    def overload(self, servers: list[Server], model: Model) -> None:
        """Walk each server through the stages beyond its capacity, and ask it for single rows beside batches."""
        for server in servers:
            rows, stages, folder = self._plan.overload_rows[model.name], self._plan.stages, self._place(server, model)
            self._progress(f"overload, {model.name}, {rows} rows: {server.name}")
            with self._kept(f"overload of {server.name} ({model.name})"), self._run(server, model) as running:
                found = overload.curve(server.name, running.port, model, rows, stages, folder, self._load_core)
                self._results.curves.append(found)
            rows = self._plan.mixed_rows
            self._progress(f"single rows beside batches, {model.name}: {server.name}")
            with self._kept(f"mixed load of {server.name} ({model.name})"), self._run(server, model) as running:
                beside = overload.mixed(server.name, running.port, model, rows, stages.seconds, folder, self._load_core)
                self._results.mixed.append(beside)

    def _check(self, server: Server, model: Model, seen: dict[str, Seen]) -> bool:
        """Whether the server can be measured; formats that it does not speak, or speaks wrongly, are left out."""
        self._progress(f"checking {server.name} ({model.name})")
        cells = self._plan.extent.cells(server, model, LARGE.name)
        right: list[Cell] = []
        with self._kept(f"{server.name} ({model.name})"):
            self._prepare(server, model)
            with self._run(server, model) as running:
                for form in dict.fromkeys(cell.form for cell in cells):
                    with self._kept(f"{server.name} ({model.name}), {form.name}"):
                        mine = [cell for cell in cells if cell.form == form]
                        sizes = tuple(dict.fromkeys(cell.rows for cell in mine))
                        if server.checked:
                            key = f"{server.name}, {model.name}, {form.name}"
                            self._results.checked[key] = checks.check(running.port, form, model, sizes)
                        for rows in sizes:
                            file = self._requests(server, model, Cell(form, rows, 0))
                            closed_loop.write_requests(file, form.requests(model, rows))
                        right += mine
        seen[server.name] = Seen(right, [[] for _ in right])
        return bool(right)

    def _measure(self, server: Server, model: Model, seen: Seen) -> None:
        """One turn of one server."""
        with self._run(server, model) as running:
            seen.cold_starts.append(running.cold_start)
            seen.started.append(running.memory().now)
            warm = self._requests(server, model, seen.cells[0])
            closed_loop.run(running.port, warm, self._plan.extent.usual, self._plan.warm_seconds, self._load_core)
            for cell, loads in zip(seen.cells, seen.loads, strict=True):
                file = self._requests(server, model, cell)
                loads.append(closed_loop.run(running.port, file, cell.connections, self._plan.seconds, self._load_core))
            seen.memories.append(running.memory())

    def _keep(self, server: Server, model: Model, seen: Seen) -> None:
        """Turn what was seen into figures."""
        for cell, loads in zip(seen.cells, seen.loads, strict=True):
            if loads:
                figure = Figure(
                    server.name, server.kind, model.name, cell.form.name, cell.rows, cell.connections, loads
                )
                self._results.figures.append(figure)
        if seen.memories:
            found = self._environments[server.environment]
            footprint = Footprint(
                server=server.name,
                kind=server.kind,
                model=model.name,
                cold_starts=seen.cold_starts,
                imports=import_times(found.python, server.imports, self._core, self._plan.rounds),
                started_mb=max(seen.started),
                loaded_mb=max(memory.now for memory in seen.memories),
                peak_mb=max(memory.peak for memory in seen.memories),
                disk_mb=found.megabytes,
            )
            self._results.footprints.append(footprint)

    @contextlib.contextmanager
    def _kept(self, what: str) -> Generator[None]:
        """Keep the reason of what cannot be had or does not work, and go on."""
        try:
            yield
        except (Unavailable, StartFailed, checks.WrongAnswers, OSError, ValueError, SubprocessError) as error:
            self._progress(f"left out: {what}: {error}")
            self._results.absent.append(Absent(what, str(error)))

    def _prepare(self, server: Server, model: Model) -> None:
        """Have the server's environment and whatever it serves."""
        name = server.environment
        if name not in self._environments:
            self._environments[name] = environments.prepare(name, self._progress)
        if server.prepare is not None:
            target = self._target(server, model)
            python = target.python
            environments.run(server.prepare(target), server.name, environment(python, server.variables(target)))

    @contextlib.contextmanager
    def _run(self, server: Server, model: Model) -> Generator[Running]:
        """The server, answering."""
        target = self._target(server, model)
        variables = environment(target.python, server.variables(target))
        health, folder = server.health(model), self._place(server, model)
        with serving(server.command(target), variables, target.ports[0], health, folder, self._core) as running:
            yield running

    def _target(self, server: Server, model: Model) -> Target:
        python = self._environments[server.environment].python
        return Target(python, model, free_ports(server.ports), self._place(server, model))

    def _place(self, server: Server, model: Model) -> Path:
        """The working directory of a server, which keeps its log."""
        name = "".join(letter if letter.isalnum() else "-" for letter in server.name)
        place = self._folder / f"{name}-{model.name}"
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _requests(self, server: Server, model: Model, cell: Cell) -> Path:
        return self._place(server, model) / f"requests-{cell.form.name.replace(' ', '-')}-{cell.rows}"
