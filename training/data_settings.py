"""The settings of the data: where they come from, how they are read, which role a column plays, what must hold."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from app.artifact import FeatureType

IRIS = "iris"

Positive = Annotated[float, msgspec.Meta(gt=0)]
NonNegative = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class SettingsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the settings' tables: immutable, and an unknown key is an error rather than ignored."""


class CsvSettings(SettingsTable, frozen=True):
    """How text tables are read; ``missing`` are words that mean a gap besides the usual ones."""

    encoding: Annotated[str, msgspec.Meta(min_length=1)] = "auto"
    delimiter: Literal["auto", ",", ";", "\t", "|"] = "auto"
    decimal: Literal["auto", ".", ","] = "auto"
    missing: list[str] = []


class ParquetSettings(SettingsTable, frozen=True):
    """How folders of Parquet files are read; ``partitions``: the parts ``key=value`` of a path are columns."""

    partitions: bool = True


class SqlSettings(SettingsTable, frozen=True):
    """What is asked of a database."""

    query: str = ""


class RemoteSettings(SettingsTable, frozen=True):
    """How object stores and HTTP servers are asked."""

    timeout_seconds: Positive = 60.0


class DataSettings(SettingsTable, frozen=True):
    """Which table to learn from, which columns play which role, and of which type they are declared to be.

    ``aside`` are columns that teach nothing and are kept, to split or slice by; ``limits`` the least and the greatest
    value that a number may have; ``timestamp`` is empty where there is none.
    """

    source: Annotated[str, msgspec.Meta(min_length=1)]
    target: Annotated[str, msgspec.Meta(min_length=1)]
    ignore: list[str]
    task: Literal["auto", "classification", "regression"]
    max_categories: Annotated[int, msgspec.Meta(ge=2)]
    id: list[str] = []
    aside: list[str] = []
    timestamp: str = ""
    types: dict[str, FeatureType] = {}
    limits: dict[str, tuple[float, float]] = {}
    snapshot: bool = True
    csv: CsvSettings = CsvSettings()
    parquet: ParquetSettings = ParquetSettings()
    sql: SqlSettings = SqlSettings()
    remote: RemoteSettings = RemoteSettings()


class ValidationSettings(SettingsTable, frozen=True):
    """Whether expectations are checked, where they are kept, and how far new data may lie from accepted data."""

    mode: Literal["auto", "always", "never"]
    directory: Annotated[str, msgspec.Meta(min_length=1)]
    rows: Share
    gaps: Share
    range: NonNegative
    balance: NonNegative
    repeats: Share
    leakage: Share
