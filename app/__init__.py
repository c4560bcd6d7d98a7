"""The prediction service: reads an artifact, answers predictions, reports on itself."""

import os

# ONNX Runtime's wheels send usage data (and write a device id) unless told otherwise before they are first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
