"""Snapshots: what a training read, kept under ``artifacts/<name>/data/`` so that it can be repeated.

A snapshot stands in a directory named by the first characters of the data's fingerprint, which the manifest holds, too:
``table.parquet`` with the columns that had a role (never the ignored ones) and ``snapshot.json``. It holds the data and
is to be protected like them: nothing of it goes into an artifact or an image.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import msgspec
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from training.errors import DataError, PublishError

FOLDER = "data"
TABLE, RECORD = "table.parquet", "snapshot.json"
NAME_LENGTH = 16
_GROUP = 1 << 17  # rows that are compressed in memory before they are written
_FINGERPRINT = re.compile(r"[0-9a-f]{8,64}")


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a snapshot holds: the fingerprint of its values, and the source as the manifest names it."""

    fingerprint: str
    source: str
    rows: int


def directory(models: Path, fingerprint: str) -> Path:
    """Where the snapshot with that fingerprint stands or will stand."""
    return models / FOLDER / fingerprint[:NAME_LENGTH]


def keep(models: Path, frame: pd.DataFrame, fingerprint: str, source: str) -> Path:
    """Write a snapshot of ``frame`` unless it is there, and return its directory.

    It appears as a whole or not at all. Raises PublishError where the disk refuses.
    """
    place = directory(models, fingerprint)
    draft = place.with_name(f".writing-{place.name}")
    try:
        if (place / RECORD).is_file():
            return place
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        parquet.write_table(table, draft / TABLE, compression="zstd", row_group_size=_GROUP)
        record = msgspec.json.encode(Record(fingerprint, source, len(frame)))
        (draft / RECORD).write_bytes(msgspec.json.format(record, indent=2) + b"\n")
        shutil.rmtree(place, ignore_errors=True)
        draft.rename(place)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise PublishError(f"{place}: {error.strerror or error}") from error
    return place


def load(models: Path, fingerprint: str) -> tuple[pd.DataFrame, str, list[str]]:
    """The table of the snapshot that ``fingerprint`` (8 characters or more) names, its source's name, and the notes.

    Raises DataError where there is none, or more than one, and where it was damaged.
    """
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise DataError(f"snapshot:{fingerprint}: give 8 characters or more of the data's fingerprint")
    found = sorted((models / FOLDER).glob(f"{fingerprint[:NAME_LENGTH]}*"))
    if len(found) != 1:
        why = "no such snapshot" if not found else "more than one snapshot"
        raise DataError(f"snapshot:{fingerprint}: {why} in {models / FOLDER} (the model's --name says where to look)")
    try:
        record = msgspec.json.decode((found[0] / RECORD).read_bytes(), type=Record)
        # Each column leaves Arrow's memory when pandas has it.
        frame = parquet.read_table(found[0] / TABLE).to_pandas(split_blocks=True, self_destruct=True)
    except (OSError, pa.ArrowInvalid, msgspec.MsgspecError) as error:
        raise DataError(f"{found[0]}: damaged ({' '.join(str(error).split())[:200]})") from error
    if not record.fingerprint.startswith(fingerprint):
        raise DataError(f"snapshot:{fingerprint}: {found[0]} is another one ({record.fingerprint})")
    return frame, record.source, [f"snapshot {record.fingerprint} of {record.source}"]
