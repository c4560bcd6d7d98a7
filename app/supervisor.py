"""Several workers under one parent: started one after the other, replaced when they die, drained together.

The parent holds the bound socket and the directory of the metrics; it never loads the model. A worker is a fresh
interpreter (`app.worker`) that gets its number and two descriptors: the socket to serve and its end of a socket pair,
over which it reports that it serves, and again every second from its event loop, and at whose end it learns that the
parent is gone. One that falls silent hangs: it is killed and replaced. A long prediction runs in a thread and silences
nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

from app import artifact, listen
from app.bins import Layout
from app.settings import Settings
from app.start import StartError, announce
from app.worker_metrics import DIRECTORY_VARIABLE, worker_died, worker_started, workers_registry

RESTART_SECONDS = 1.0  # between a death and its replacement, where the worker never served: no busy loop
KILL_SECONDS = 3.0  # beyond the time to drain, after which a worker that hangs is killed

logger = logging.getLogger(__name__)


def supervise(settings: Settings) -> int:
    """Run ``settings.workers`` workers until a signal comes; the exit status. Raises StartError, ArtifactError."""
    verified = artifact.load(Path(settings.model_path))
    directory, manifest = verified.directory.absolute(), verified.manifest
    del verified  # and with it the model's bytes: the workers read their own
    listen.check_grpc(settings)
    with listen.bind(settings.host, settings.port) as listener, _metrics_directory() as metrics:
        if settings.metrics_port is not None:
            layout = Layout(manifest, settings.drift_features)
            listen.serve_metrics(settings.host, settings.metrics_port, workers_registry(metrics, layout))
        # The version directory, not the pointer: a replaced worker serves what its siblings do.
        environment = os.environ | {"MODEL_PATH": str(directory), DIRECTORY_VARIABLE: str(metrics)}
        announce_serving = functools.partial(announce, settings, listen.url(listener), manifest)
        return asyncio.run(Supervisor(settings, listener, metrics, environment, announce_serving).run())


class Supervisor:
    """The workers of one service."""

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        metrics: Path,
        environment: Mapping[str, str],
        on_serving: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._metrics = metrics
        self._environment = environment
        self._on_serving = on_serving
        self._serving = asyncio.Event()
        self._stopping = asyncio.Event()
        self._processes: dict[int, asyncio.subprocess.Process] = {}

    async def run(self) -> int:
        """Keep the workers running until SIGTERM or SIGINT, then drain them; 1 where the first could not start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stopping.set)
        keepers = [asyncio.create_task(self._keep(slot)) for slot in range(self._settings.workers)]
        await self._stopping.wait()
        served = self._serving.is_set()
        self._serving.set()  # whoever still waits for the first worker now sees that all is over
        self._listener.close()  # the workers' copies go on accepting while they drain
        self._signal_all(signal.SIGTERM)
        grace = self._settings.drain_seconds + self._settings.shutdown_seconds + KILL_SECONDS
        _, hanging = await asyncio.wait(keepers, timeout=grace)
        if hanging:
            logger.error("workers hang and are killed", extra={"workers": len(hanging)})
            self._signal_all(signal.SIGKILL)
            await asyncio.wait(hanging)
        if served:
            logger.info("stopped")
        return 0 if served else 1

    async def _keep(self, slot: int) -> None:
        """Have worker ``slot`` run, again and again. All but the first wait until that one has proven the model."""
        if slot:
            await self._serving.wait()
        while not self._stopping.is_set():
            served = await self._run_worker(slot)
            if served or self._stopping.is_set():
                continue
            if not self._serving.is_set():  # the first start of all: the worker has said why it failed
                self._stopping.set()
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), RESTART_SECONDS)

    async def _run_worker(self, slot: int) -> bool:
        """Run one worker process to its end; whether it ever served."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with ours:
            with theirs:
                descriptors = (self._listener.fileno(), theirs.fileno())
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "app.worker", str(slot), *map(str, descriptors)),
                    env=self._environment,
                    pass_fds=descriptors,
                    start_new_session=True,  # Ctrl-C reaches the parent alone, which then drains the workers
                )
            self._processes[slot] = process
            worker_started(self._metrics, slot, process.pid)
            served = bool(await asyncio.get_running_loop().sock_recv(ours, 1))
            if served and not self._serving.is_set():
                self._serving.set()
                self._on_serving()
            if served and await self._fell_silent(ours):
                facts = {"worker": slot, "worker_pid": process.pid, "silent_seconds": self._settings.hang_seconds}
                logger.error("worker hangs and is killed", extra=facts)
                process.kill()
            status = await process.wait()
        del self._processes[slot]
        worker_died(self._metrics, slot)
        if self._serving.is_set() and not self._stopping.is_set():
            logger.error("worker died", extra={"worker": slot, "worker_pid": process.pid, "status": status})
        return served

    async def _fell_silent(self, worker: socket.socket) -> bool:
        """Follow a worker's reports: True once they have stopped for ``HANG_SECONDS``, False at its end.

        A worker that is stopping goes on with them; the time it may take for that is limited in `run`.
        """
        while True:
            try:
                reports = await asyncio.wait_for(
                    asyncio.get_running_loop().sock_recv(worker, 4096), self._settings.hang_seconds
                )
            except TimeoutError:
                try:  # perhaps it was this process that slept
                    reports = worker.recv(4096)
                except BlockingIOError:
                    return True
            if not reports:
                return False

    def _signal_all(self, number: int) -> None:
        """Send a signal to every living worker."""
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)


@contextlib.contextmanager
def _metrics_directory() -> Generator[Path]:
    """A private directory for the workers' counts, removed at the end."""
    try:
        directory = tempfile.TemporaryDirectory(prefix="metrics-", ignore_cleanup_errors=True)
    except OSError as error:
        raise StartError(f"WORKERS needs a writable temporary directory ({error}); set TMPDIR to one") from error
    with directory as name:
        yield Path(name)
