"""The design to be beaten: FastAPI, a ``def`` endpoint, an unpickled model, ``predict`` for every request.

Written as such services usually are: pydantic models, prometheus_client, uvicorn's defaults. Called as
``python -m bench.seed PORT MODEL.joblib FEATURE…``.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import joblib
import uvicorn
from fastapi import FastAPI
from prometheus_client import Counter, Histogram, make_asgi_app
from pydantic import BaseModel, create_model

REQUESTS = Counter("api_requests_total", "Requests", ["endpoint"])
LATENCY = Histogram("api_request_latency_seconds", "Latency in seconds")


def create(file: str, features: list[str]) -> FastAPI:
    """The application around the model in ``file``, whose rows have ``features``."""
    model: Any = joblib.load(file)
    fields: dict[str, Any] = dict.fromkeys(features, (float, ...))
    row = create_model("Row", **fields)
    rows: Any = (list.__class_getitem__(row), ...)
    batch = create_model("Batch", instances=rows)
    app = FastAPI()
    app.mount("/metrics", make_asgi_app())

    def predict(features: BaseModel) -> dict[str, Any]:
        started = time.perf_counter()
        REQUESTS.labels(endpoint="/predict").inc()
        prediction = model.predict([list(features.model_dump().values())])[0]
        LATENCY.observe(time.perf_counter() - started)
        return {"prediction": int(prediction)}

    def predict_batch(instances: BaseModel) -> dict[str, Any]:
        started = time.perf_counter()
        REQUESTS.labels(endpoint="/predict/batch").inc()
        rows = [list(one.values()) for one in instances.model_dump()["instances"]]
        predictions = model.predict(rows).tolist()
        LATENCY.observe(time.perf_counter() - started)
        return {"predictions": predictions}

    # FastAPI reads the types from the annotations, which are known only now.
    predict.__annotations__["features"] = row
    predict_batch.__annotations__["instances"] = batch
    app.post("/predict")(predict)
    app.post("/predict/batch")(predict_batch)

    @app.get("/health")
    def health() -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]  # FastAPI calls it
        return {"status": "ok"}

    return app


if __name__ == "__main__":
    uvicorn.run(create(sys.argv[2], sys.argv[3:]), port=int(sys.argv[1]))
