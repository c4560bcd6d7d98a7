"""``python -m app``: serve the model at MODEL_PATH. ``--help`` lists the settings."""

from __future__ import annotations

import functools
import os
import sys

from app import settings
from app.start import announce, guarded, load_model

USAGE = """usage: python -m app

Verifies the model, lets it prove itself on its example, then serves it over HTTP until SIGTERM or Ctrl-C.
Everything is set by environment variables:
"""


def main() -> int:
    """Serve until told to stop; the exit status."""
    if sys.argv[1:]:
        print(USAGE, settings.table(), sep="\n")
        return 0 if sys.argv[1:] in (["--help"], ["-h"]) else 2
    chosen = settings.from_environment(os.environ)
    from app import logs

    logs.configure(chosen.log_level)
    if chosen.workers > 1:
        from app.supervisor import supervise

        return supervise(chosen)
    model = load_model(chosen)
    from app import listen, metrics, server

    counted = metrics.Metrics(chosen, model.manifest)
    listen.check_grpc(chosen)
    listener = listen.bind(chosen.host, chosen.port)
    if chosen.metrics_port is not None:
        listen.serve_metrics(chosen.host, chosen.metrics_port, counted.registry)
    announce_serving = functools.partial(announce, chosen, listen.url(listener), model.manifest)
    return server.serve(chosen, model, counted, listener, announce_serving)


if __name__ == "__main__":
    sys.exit(guarded(main))
