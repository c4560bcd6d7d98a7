"""A PostgreSQL cluster of one's own: made in a temporary directory, on 127.0.0.1 alone, stopped by its PID."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """Where Debian and Ubuntu put the newest PostgreSQL's programs, which are not on the PATH; None without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    return found[-1].parent if found else None


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def cluster() -> Generator[str]:
    """A running cluster; the value is the address of its database, as SQLAlchemy writes it without a driver.

    PostgreSQL refuses to run as root, so it runs as ``nobody`` there. Nothing of it outlasts the block.
    """
    directory = programs()
    assert directory is not None
    root = Path(tempfile.mkdtemp(prefix="postgres-"))
    data, port = root / "data", free_port()
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        os.chown(root, pwd.getpwnam(user).pw_uid, -1)
    options = ["--username=test", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    subprocess.run(
        [directory / "initdb", "--pgdata", data, *options], user=user, cwd=root, check=True, stdout=subprocess.DEVNULL
    )
    with (root / "log").open("w") as log:
        server = subprocess.Popen(
            [directory / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", root, "-c", "fsync=off"],
            user=user,
            cwd=root,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        ready = [directory / "pg_isready", "--quiet", "--host=127.0.0.1", f"--port={port}"]
        for _ in range(300):
            if subprocess.run(ready).returncode == 0:
                break
            assert server.poll() is None, (root / "log").read_text()
            time.sleep(0.2)
        yield f"postgresql://test@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # ends sessions that are still open
        server.wait(timeout=60)
        shutil.rmtree(root)
