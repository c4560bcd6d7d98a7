"""What is measured: this service, the seed's design and the bare limits. `bench.contenders` adds the peers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bench import environments
from bench.formats import ARROW, BINARY, OWN, Format
from bench.models import Model

Kind = Literal["service", "seed", "limit", "peer"]
SERVICE = "this service"
SEED = "the seed's design"


@dataclass(frozen=True)
class Target:
    """What a command line is made of: the interpreter, the model, ports (the first is HTTP's), the server's folder."""

    python: Path
    model: Model
    ports: list[int]
    folder: Path

    @property
    def port(self) -> str:
        """The port that requests go to."""
        return str(self.ports[0])

    def program(self, name: str) -> str:
        """A program of the server's environment."""
        return str(self.python.with_name(name))


def _no_variables(_: Target) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Server:
    """A server: how it is started, what it speaks, and what it needs.

    ``imports`` are the modules that it loads before it serves (for the import time), ``prepare`` a command that makes
    what it serves, once. ``checked`` is False where there is no model behind it.
    """

    name: str
    kind: Kind
    environment: str
    command: Callable[[Target], list[str]]
    imports: str
    formats: tuple[Format, ...] = (OWN,)
    variables: Callable[[Target], dict[str, str]] = _no_variables
    health: Callable[[Model], str] = lambda _: "/health"
    prepare: Callable[[Target], list[str]] | None = None
    ports: int = 1
    checked: bool = True
    large: bool = False
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One figure of a server: a format, rows to a request, connections at once."""

    form: Format
    rows: int
    connections: int


@dataclass(frozen=True)
class Extent:
    """How much is measured: rows to a request, connections, and those at which everything is compared."""

    rows: tuple[int, ...] = (1, 100, 1000)
    connections: tuple[int, ...] = (1, 16, 64)
    usual: int = 16

    def cells(self, server: Server, model: Model, large: str) -> list[Cell]:
        """What is measured of ``server``: peers answer batches slowly and get them at the usual connections only."""
        cells: list[Cell] = []
        for form in server.formats:
            for rows in self.rows:
                if rows < form.least_rows or (rows > 1 and not server.checked):
                    continue
                all_of_them = model.name != large and form != BINARY and (rows == 1 or server.kind != "peer")
                cells += [Cell(form, rows, many) for many in (self.connections if all_of_them else (self.usual,))]
        return cells


def service(settings: dict[str, str]) -> Server:
    """This service: one worker and its defaults, but for ``settings``."""
    label = " ".join(f"{name}={value}" for name, value in settings.items())
    return Server(
        name=f"{SERVICE} ({label})" if settings else SERVICE,
        kind="service",
        environment=environments.OWN,
        command=lambda target: [str(target.python), "-m", "app"],
        variables=lambda target: {"MODEL_PATH": str(target.model.artifact), "PORT": target.port, **settings},
        imports="app.server",
        formats=(OWN,) if settings else (OWN, ARROW, BINARY),
        large=True,
        settings=settings,
    )


def own(variants: Sequence[dict[str, str]]) -> list[Server]:
    """Everything but the peers, this service first."""
    return [
        service({}),
        *(service(settings) for settings in variants),
        Server(
            name=SEED,
            kind="seed",
            environment="seed",
            command=lambda target: [
                str(target.python), "-m", "bench.seed", target.port, str(target.model.sklearn), *target.model.features
            ],
            imports="fastapi, joblib, prometheus_client, sklearn.ensemble, uvicorn",
            large=True,
        ),
        _limit("bare ASGI + ONNX Runtime, uvicorn", "bare_asgi", "msgspec, numpy, onnxruntime, uvicorn"),
        _limit("asyncio.Protocol + ONNX Runtime", "protocol", "httptools, msgspec, numpy, onnxruntime, uvloop"),
        _limit("bare ASGI hello, no work, uvicorn", "hello", "uvicorn", checked=False),
    ]  # fmt: skip


def _limit(name: str, module: str, imports: str, checked: bool = True) -> Server:
    """A bare limit; it has the service's environment."""
    return Server(
        name=name,
        kind="limit",
        environment=environments.OWN,
        command=lambda target: [
            str(target.python), "-m", f"bench.limits.{module}", target.port, str(target.model.artifact)
        ],
        imports=imports,
        checked=checked,
    )  # fmt: skip
