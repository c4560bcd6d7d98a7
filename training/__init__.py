"""Training: from a table to a versioned, proven and gated artifact that the service can serve."""

import os

# ONNX Runtime's wheels send usage data (and write a device id) unless told otherwise before they are first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# MLflow reports usage, too.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
