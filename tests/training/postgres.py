"""A real PostgreSQL for tests: a cluster of their own on a free port of 127.0.0.1, with a password."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

PASSWORD = "not/a:real@secret"  # with the characters that break an address put together by hand


@dataclass(frozen=True)
class Postgres:
    """A running server: connect as ``user`` with PASSWORD to ``database``."""

    port: int
    user: str = "tester"
    database: str = "postgres"

    @property
    def url(self) -> str:
        """The address without the password."""
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/{self.database}"

    @property
    def full_url(self) -> str:
        """The address with the password, which is what a user must not need."""
        return self.url.replace("@", ":not%2Fa%3Areal%40secret@", 1)


def program(name: str) -> Path | None:
    """A program of the server: of the newest version that Debian has installed, or on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return found[-1] if found else (Path(which) if (which := shutil.which(name)) else None)


@contextmanager
def running(*settings: str, files: Sequence[Path] = ()) -> Generator[Postgres]:
    """A server in a temporary directory; PostgreSQL refuses to run as root, so then it is another user's.

    ``settings`` are its own (``ssl=on``); ``files`` are copied to its data directory, which it reads as its user.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-") as made, socket.create_server(("127.0.0.1", 0)) as taken:
        directory, port = Path(made), taken.getsockname()[1]
        (directory / "password").write_text(PASSWORD)
        user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            user = {"user": nobody.pw_uid, "group": nobody.pw_gid}
            for path in (directory, directory / "password"):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        options = ["--username=tester", f"--pwfile={directory / 'password'}", "--auth=scram-sha-256"]
        initdb = [str(program("initdb")), f"--pgdata={directory / 'cluster'}", *options]
        done = subprocess.run(initdb, cwd=directory, capture_output=True, text=True, **user)
        assert done.returncode == 0, done.stderr
        for file in files:
            shutil.copy(file, directory / "cluster")
            if user:
                os.chown(directory / "cluster" / file.name, user["user"], user["group"])
        taken.close()
        command = [str(program("postgres")), "-D", str(directory / "cluster"), "-k", str(directory), "-F"]
        command += [word for setting in settings for word in ("-c", setting)]
        with (directory / "log").open("w+b") as log:
            server = subprocess.Popen([*command, "-h", "127.0.0.1", "-p", str(port)], cwd=directory, stderr=log, **user)
            try:
                found = Postgres(port)
                _wait(server, found, directory / "log")
                yield found
            finally:
                server.terminate()
                server.wait(timeout=30)


def _wait(server: subprocess.Popen[Any], postgres: Postgres, log: Path) -> None:
    """Until the server takes connections, for 30 s at most: it listens before it does."""
    until = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(postgres.full_url, connect_timeout=2).close()
        except psycopg.OperationalError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        else:
            return
