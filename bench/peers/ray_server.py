# pyright: basic, reportMissingImports=false
"""Ray Serve: ``KIND FILE PORT``, one replica on a node of its own."""

from __future__ import annotations

import signal
import sys
from typing import Any

import ray
from ray import serve
from starlette.requests import Request

from bench.peers.predict import load


@serve.deployment
class Classifier:
    """Predicts the instances of a request."""

    def __init__(self, kind: str, file: str) -> None:
        self._predict = load(kind, file)

    async def __call__(self, request: Request) -> Any:
        """Labels of the rows; anything but a POST asks whether the replica is there."""
        if request.method != "POST":
            return {"status": "ok"}
        rows = (await request.json())["instances"]
        return {"predictions": self._predict(rows).tolist()}


if __name__ == "__main__":
    ray.init(include_dashboard=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[3])})
    classifier: Any = Classifier  # the decorator has made it a deployment
    serve.run(classifier.bind(sys.argv[1], sys.argv[2]), name="bench", route_prefix="/predict")
    print("ready", flush=True)
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    serve.shutdown()
    ray.shutdown()
