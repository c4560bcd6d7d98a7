# pyright: basic, reportMissingImports=false
"""MLServer: its own scikit-learn runtime as shipped, or a runtime around ONNX Runtime.

``KIND FILE NAME PORT GRPC_PORT METRICS_PORT`` writes the settings into the working directory and becomes MLServer.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

IMPLEMENTATIONS = {"sklearn": "mlserver_sklearn.SKLearnModel", "onnx": "bench.peers.mlserver_runtime.OnnxModel"}


def write_settings(folder: Path, kind: str, file: str, name: str, ports: list[int]) -> None:
    """MLServer's two files of settings; what they do not name stays as shipped."""
    http, grpc, metrics = ports
    server = {"host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics, "debug": False}
    model = {"name": name, "implementation": IMPLEMENTATIONS[kind], "parameters": {"uri": file}}
    (folder / "settings.json").write_text(json.dumps(server), encoding="utf-8")
    (folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")


if __name__ == "__main__":
    kind, file, name, *ports = sys.argv[1:]
    write_settings(Path.cwd(), kind, file, name, [int(port) for port in ports])
    program = str(Path(sys.executable).with_name("mlserver"))
    os.execv(program, [program, "start", "."])  # noqa: S606 - MLServer of this environment
