"""Reading tables as the tests need it: settings with defaults, and the frame alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from training.data_settings import DataSettings
from training.ingest.read import Ingested, read
from training.settings import load_settings


def data_settings(**changes: Any) -> DataSettings:
    """The settings of the data as params.toml has them, but for ``changes`` and a target named y."""
    tree = msgspec.to_builtins(load_settings(None, {"data.target": "y"}, []).data)
    return msgspec.convert({**tree, **changes}, DataSettings)


def ingest(source: str | Path, models: Path = Path(), **changes: Any) -> Ingested:
    """What ``source`` holds, with its notes."""
    return read(data_settings(source=str(source), **changes), models)


def read_iris() -> pd.DataFrame:
    """The iris table as it is ingested."""
    return ingest("iris", target="species").frame
