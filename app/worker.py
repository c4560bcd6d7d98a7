"""One of several workers: ``python -m app.worker SLOT LISTENER_FD PARENT_FD``, started by `app.supervisor` alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading

from app import logs, settings
from app.start import guarded, load_model

REPORT_SECONDS = 1.0


def main() -> int:
    """Serve on the parent's socket until the parent says so or is gone; the exit status."""
    slot, listener, parent = map(int, sys.argv[1:])
    chosen = settings.from_environment(os.environ)
    logs.configure(chosen.log_level)
    model = load_model(chosen)
    from app import metrics, server

    supervisor = socket.socket(fileno=parent)

    def report() -> None:
        """Tell the parent that the event loop turns, now and from now on."""
        with contextlib.suppress(OSError):  # the parent sleeps, or is gone: the thread notices
            supervisor.send(b"1", socket.MSG_DONTWAIT)
        asyncio.get_running_loop().call_later(REPORT_SECONDS, report)

    def begin() -> None:
        report()
        threading.Thread(target=_stop_without, args=(supervisor,), daemon=True).start()

    counted = metrics.Metrics(chosen, model.manifest, slot)
    return server.serve(chosen, model, counted, socket.socket(fileno=listener), begin)


def _stop_without(supervisor: socket.socket) -> None:
    """Wait for the end of the parent, which closes its side, then drain like after its signal."""
    supervisor.recv(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(guarded(main))
