"""What ``data.source`` means, and how it may be shown: no password, no token and no directory of this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from training.data_settings import IRIS
from training.errors import DataError

SNAPSHOT = "snapshot:"
WEB = frozenset({"http", "https"})
STORES = frozenset({"s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss"})
DELIMITED = frozenset({".csv", ".tsv", ".txt"})
PARQUET = frozenset({".parquet", ".pq"})

Kind = Literal["iris", "snapshot", "sql", "file", "web", "store"]


@dataclass(frozen=True)
class Source:
    """Where the table is: ``location`` is what the kind's reader takes, ``scheme`` that of an address (or empty)."""

    kind: Kind
    location: str
    scheme: str = ""

    @property
    def suffix(self) -> str:
        """The suffix of the file, in lower case; empty for a folder."""
        return PurePosixPath(_plain(self.location)).suffix.lower()


def parse_source(text: str) -> Source:
    """The source that ``text`` names.

    Raises DataError for an address that holds a password: processes' arguments and settings are read by others.
    """
    if text == IRIS:
        return Source("iris", text)
    if text.startswith(SNAPSHOT):
        return Source("snapshot", text.removeprefix(SNAPSHOT))
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator:
        return Source("file", text)
    if re.match(r"[^/@]*:[^/]*@", rest):
        raise DataError(
            f"{shown(text)}: the address holds a password; leave it out and set DATABASE_PASSWORD or "
            "DATABASE_PASSWORD_FILE"
        )
    if scheme in WEB:
        return Source("web", text, scheme)
    if scheme in STORES:
        return Source("store", text, scheme)
    if scheme in {"file", "memory"}:
        return Source("file", text, scheme)
    return Source("sql", text, scheme)


def shown(text: str) -> str:
    """The source as it may be printed and logged: an address without password, query and fragment."""
    if "://" not in text:
        return text
    return re.sub(r"(://[^/@:]*):[^/]*@", r"\1@", _plain(text))


def source_name(text: str) -> str:
    """What the manifest says of the source: no directory and no host, so that the same data elsewhere say the same."""
    if text == IRIS:
        return "scikit-learn iris"
    return PurePosixPath(_plain(text).rstrip("/")).name


def default_name(text: str) -> str:
    """The name of a model that was given none: the file's, folder's or database's, in the characters a name may have.

    Raises DataError for a snapshot, which belongs to a model.
    """
    if text == IRIS:
        return IRIS
    if text.startswith(SNAPSHOT):
        raise DataError(f"{text}: say with --name which model's snapshot it is")
    stem = PurePosixPath(source_name(text)).stem.lower()
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:63].strip("-") or "model"


def _plain(text: str) -> str:
    """An address without query and fragment; a path, in which ``?`` and ``#`` are letters like others, as it is."""
    return re.split(r"[?#]", text, maxsplit=1)[0] if "://" in text else text
