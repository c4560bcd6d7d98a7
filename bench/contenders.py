"""The peers: how each is started, with scikit-learn as shipped and, where it takes one, with a tuned ONNX model."""

from __future__ import annotations

from bench.formats import FRAME, LISTED, TENSORS, V1
from bench.servers import Server, Target

_LABELS = {"sklearn": "scikit-learn", "onnx": "ONNX Runtime"}


def peers() -> list[Server]:
    """All peers. Their command lines are their own documentation's; only addresses and telemetry are set."""
    return [
        *(_mlserver(kind) for kind in _LABELS),
        *(_bentoml(kind) for kind in _LABELS),
        *(_litserve(kind) for kind in _LABELS),
        _mlflow(),
        *(_kserve(kind) for kind in _LABELS),
        *(_ray(kind) for kind in _LABELS),
    ]


def _file(kind: str, target: Target) -> str:
    return str(target.model.sklearn if kind == "sklearn" else target.model.onnx)


def _module(name: str, kind: str, target: Target, *rest: str) -> list[str]:
    return [str(target.python), "-m", f"bench.peers.{name}_server", kind, _file(kind, target), *rest]


def _mlserver(kind: str) -> Server:
    return Server(
        name=f"MLServer, {_LABELS[kind]}",
        kind="peer",
        environment="mlserver",
        command=lambda target: _module("mlserver", kind, target, target.model.name, *map(str, target.ports)),
        imports="mlserver.cli, mlserver_sklearn" if kind == "sklearn" else "mlserver.cli, onnxruntime",
        formats=(TENSORS,),
        health=lambda model: f"/v2/models/{model.name}/ready",
        ports=3,
    )


def _bentoml(kind: str) -> Server:
    return Server(
        name=f"BentoML, {_LABELS[kind]}",
        kind="peer",
        environment="bentoml",
        command=lambda target: [
            target.program("bentoml"), "serve", "bench.peers.bentoml_server:Classifier",
            "--host", "127.0.0.1", "--port", target.port,
        ],
        variables=lambda target: {
            "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(target.folder / "home"),
            "BENCH_KIND": kind, "BENCH_FILE": _file(kind, target),
        },
        imports="bentoml, sklearn.ensemble" if kind == "sklearn" else "bentoml, onnxruntime",
        formats=(LISTED,),
        health=lambda _: "/readyz",
    )  # fmt: skip


def _litserve(kind: str) -> Server:
    return Server(
        name=f"LitServe, {_LABELS[kind]}",
        kind="peer",
        environment="litserve",
        command=lambda target: _module("litserve", kind, target, target.port),
        imports="litserve, sklearn.ensemble" if kind == "sklearn" else "litserve, onnxruntime",
        formats=(LISTED,),
    )


def _mlflow() -> Server:
    return Server(
        name="MLflow's scoring server, scikit-learn",
        kind="peer",
        environment="mlflow",
        command=lambda target: [
            target.program("mlflow"), "models", "serve", "--model-uri", str(target.folder / "model"),
            "--port", target.port, "--env-manager", "local",
        ],
        variables=lambda _: {"MLFLOW_DISABLE_TELEMETRY": "true"},
        prepare=lambda target: [
            str(target.python), "-m", "bench.peers.mlflow_save", str(target.model.sklearn), str(target.folder / "model")
        ],
        imports="mlflow.pyfunc.scoring_server, sklearn.ensemble",
        formats=(FRAME,),
    )  # fmt: skip


def _kserve(kind: str) -> Server:
    def command(target: Target) -> list[str]:
        http, grpc = map(str, target.ports)
        return _module("kserve", kind, target, target.model.name, "--http_port", http, "--grpc_port", grpc)

    return Server(
        name=f"KServe's Python server, {_LABELS[kind]}",
        kind="peer",
        environment="kserve",
        command=command,
        imports="kserve, sklearn.ensemble" if kind == "sklearn" else "kserve, onnxruntime",
        formats=(V1,),
        health=lambda model: f"/v2/models/{model.name}/ready",
        ports=2,
    )


def _ray(kind: str) -> Server:
    return Server(
        name=f"Ray Serve, {_LABELS[kind]}",
        kind="peer",
        environment="ray",
        command=lambda target: _module("ray", kind, target, target.port),
        # Its first 200 must come from the application, not from the proxy that is there before it.
        health=lambda _: "/predict/health",
        variables=lambda _: {"RAY_USAGE_STATS_ENABLED": "0"},
        imports="ray.serve, sklearn.ensemble" if kind == "sklearn" else "ray.serve, onnxruntime",
        formats=(LISTED,),
    )
