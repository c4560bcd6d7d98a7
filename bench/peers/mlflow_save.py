# pyright: basic, reportMissingImports=false, reportPrivateImportUsage=false
"""MLflow: write the model in ``FILE`` as the folder ``TARGET``, which ``mlflow models serve`` reads."""

from __future__ import annotations

import sys

import joblib
import mlflow.sklearn

if __name__ == "__main__":
    # MLflow's newer default format refuses nothing here, but pickle is what its scoring server is used with.
    mlflow.sklearn.save_model(joblib.load(sys.argv[1]), sys.argv[2], serialization_format="cloudpickle")
