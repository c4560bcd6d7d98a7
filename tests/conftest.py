"""The test suite's tiers: what a test needs beyond Python, and what happens where that is missing.

A test marked with a tier is skipped, with the reason and the remedy, where its tool is missing; it fails instead when
the environment variable REQUIRE_TIERS names the tier (comma-separated, or ``all``). With ``all``, nothing may be
skipped for any reason. Skipped tiers are listed once more at the end of the run.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from app.kernel import LIBRARY, build
from engine import install, plugin, promtool
from tests.training import postgres

# ONNX Runtime reports usage from its first import on unless this stands before it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

REPOSITORY = Path(__file__).resolve().parent.parent
REQUIRED = {name for name in re.split(r"[,\s]+", os.environ.get("REQUIRE_TIERS", "")) if name}


def _programs(*names: str, package: str) -> Callable[[], str | None]:
    """A probe for programs on the PATH; its answer is None, or what is missing and how to get it."""

    def probe() -> str | None:
        missing = [name for name in names if shutil.which(name) is None]
        return f"{', '.join(missing)} not found; install {package}" if missing else None

    return probe


def _docker() -> str | None:
    """Whether a Docker engine answers to the command that DOCKER names."""
    docker = os.environ.get("DOCKER", "docker")
    if shutil.which(docker) is None:
        return f"no program {docker}; install Docker or set DOCKER"
    answer = subprocess.run([docker, "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True)
    return None if answer.returncode == 0 else f"no Docker engine answers ({answer.stderr.strip().splitlines()[-1]})"


def _pulumi() -> str | None:
    """Whether a Pulumi engine is there; no test run begins to download or build one."""
    return None if install.find() else "no Pulumi engine here; get one with `make pulumi`"


def _plugin() -> str | None:
    """Whether the engine can build images."""
    found = plugin.find(os.environ)
    return None if found else f"no plugin docker-build {plugin.version()} here; get it with `make pulumi`"


def _promtool() -> str | None:
    """Whether a promtool is there that knows how agents sign for each cloud."""
    found = promtool.find()
    return None if found else "no promtool 2.45 or newer here; get one with `make promtool`"


def _postgres() -> str | None:
    """Whether a PostgreSQL server can be started; one that runs already is left alone."""
    return None if postgres.program("initdb") else "no program initdb; install PostgreSQL (Debian: postgresql)"


def _load() -> str | None:
    """Whether there is something to ask servers with."""
    missing = [name for name in ("wrk", "taskset") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not found; install wrk and util-linux"
    built = any(shutil.which(name) for name in ("vegeta", "go"))
    return None if built else "no vegeta, and no Go to build it; install either"


def _mlflow() -> str | None:
    """Whether the MLflow server is installed; no test run begins to install it."""
    return None if (REPOSITORY / ".venv-mlflow/bin/mlflow").exists() else "no MLflow server here; make setup-mlflow"


def _asked_for() -> str | None:
    """A tier that costs more than most runs want to pay: it runs only when it is required."""
    return "takes minutes and the network; ask for it with REQUIRE_TIERS=clone"


TIERS: dict[str, Callable[[], str | None]] = {
    "containers": functools.cache(_docker),
    "prometheus": _programs(
        "prometheus", "promtool", "amtool", package="Prometheus (Debian: prometheus, prometheus-alertmanager)"
    ),
    "promtool": functools.cache(_promtool),
    "proxy": _programs("haproxy", package="HAProxy (Debian: haproxy)"),
    "postgres": _postgres,
    "engine": functools.cache(_pulumi),
    "plugin": functools.cache(_plugin),
    "registry": _programs("docker-registry", "skopeo", package="both (Debian: docker-registry, skopeo)"),
    "load": functools.cache(_load),
    "browser": _programs("chromium", package="Chromium (Debian: chromium)"),
    "mlflow": _mlflow,
    "clone": _asked_for,
}


def _required(tier: str) -> bool:
    """Whether the run must not do without ``tier``."""
    return tier in REQUIRED or "all" in REQUIRED


# What `make test ARGS=…` leaves in the environment would steer every make that a test runs.
OF_THE_CALLING_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "ARGS", "TESTS", "NAME", "IMAGE", "DOCKER_ARGS")


def pytest_configure() -> None:
    """Refuse a REQUIRE_TIERS that names no tier, before a misspelling lets a run pass; forget the calling make."""
    for variable in OF_THE_CALLING_MAKE:
        os.environ.pop(variable, None)
    if unknown := REQUIRED - {*TIERS, "all"}:
        raise pytest.UsageError(
            f"REQUIRE_TIERS: no tier {', '.join(sorted(unknown))}; there are {', '.join(TIERS)}, all"
        )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test whose tier is missing."""
    for tier, probe in TIERS.items():
        if item.get_closest_marker(tier) is None or (tier == "clone" and _required(tier)):
            continue
        if missing := probe():
            (pytest.fail if _required(tier) else pytest.skip)(f"tier {tier}: {missing}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once, at the end, which tiers this run did without."""
    reasons = [report.longrepr[2] for report in _skipped(terminalreporter) if isinstance(report.longrepr, tuple)]
    for reason, count in Counter(reason for reason in reasons if "tier " in reason).items():
        terminalreporter.write_line(f"not run, {count} tests: {reason.removeprefix('Skipped: ')}", yellow=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where every tier is required, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if "all" in REQUIRED and reporter and _skipped(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("REQUIRE_TIERS=all: nothing may be skipped", red=True)


def _skipped(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    """The reports of skipped tests so far."""
    return [report for report in reporter.stats.get("skipped", []) if isinstance(report, pytest.TestReport)]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the working tree under test. Tests read it and never write to it."""
    return REPOSITORY


@pytest.fixture(scope="session")
def tree_kernel() -> Path:
    """The compiled tree kernel, as `make setup-dev` leaves it: of the source as it is."""
    build.build()
    return LIBRARY


@pytest.fixture(scope="session")
def copy_of_the_repository(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes copies of what a clone would hold: every file that git does not ignore, changes included."""

    def copy() -> Path:
        target = tmp_path_factory.mktemp("clone") / "repository"
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listing = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
        for name in filter(None, listing.split("\0")):
            if (REPOSITORY / name).is_file():  # git goes on listing a file that was just deleted
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, target / name)
        return target

    return copy
