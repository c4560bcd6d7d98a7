"""Compile the kernel: ``python -m app.kernel.build``, as the Makefile and the Dockerfile do.

The result is a library beside ``trees.c`` that depends on nothing but the C library. The compiler is the one
that CC names, else that of the package ``ziglang`` where it is installed, else ``cc``. None of them is needed to serve:
without the kernel, ONNX Runtime predicts.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from app.kernel import LIBRARY

SOURCE = Path(__file__).with_name("trees.c")
# No -ffast-math, no fused operations: they change sums. No -march: an image runs on any machine of its architecture.
FLAGS = ["-std=gnu11", "-O3", "-ffp-contract=off", "-fPIC", "-shared", "-s", "-Wall", "-Wextra", "-Werror"]


def compiler() -> list[str] | None:
    """The command that compiles C, or None where there is none."""
    if chosen := os.environ.get("CC"):
        return shlex.split(chosen)
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline"]  # its default is this very processor
    found = shutil.which("cc")
    return [found] if found else None


def build(library: Path = LIBRARY) -> str | None:
    """Compile, and return the command; None where ``library`` is newer than its source. Raises OSError in failure."""
    if library.exists() and library.stat().st_mtime >= SOURCE.stat().st_mtime:
        return None
    command = compiler()
    if command is None:
        raise FileNotFoundError("no C compiler here (CC, the package ziglang, or cc)")
    draft = library.with_suffix(f".{os.getpid()}")
    try:
        done = subprocess.run(  # noqa: S603 - the compiler that the caller has
            [*command, *FLAGS, "-o", draft, SOURCE], capture_output=True, text=True
        )
        if done.returncode != 0:
            raise OSError(f"{shlex.join(command)} failed: {(done.stderr.strip().splitlines() or ['no word'])[0]}")
        draft.replace(library)
    finally:
        draft.unlink(missing_ok=True)
    return shlex.join(command)


def main() -> int:
    """Compile and say so; the exit status."""
    try:
        if command := build():
            print(f"compiled the tree kernel with {command}")
    except OSError as error:
        print(f"no tree kernel: {error}; ONNX Runtime will predict, which is slower", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
