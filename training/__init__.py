"""Training: from a table to a versioned, proven and gated artifact that the service can serve."""

import os

# ONNX Runtime's wheels send usage data (and write a device id) unless told otherwise before they are first imported;
# some versions of Great Expectations do so, too.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
# MLflow reports usage, too.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
