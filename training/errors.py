"""What can end a training early; every message is one line that names the value, the reason and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TrainingError(Exception):
    """Base of the errors that are the caller's to mend: shown without a traceback, exit status 2."""


class SettingsError(TrainingError):
    """A setting or option that cannot be used."""


class DataError(TrainingError):
    """A table that cannot be trained on."""


class PublishError(TrainingError):
    """An artifact that could not be written."""


class RegistryError(TrainingError):
    """A model registry that cannot be reached, or does not have what it was asked for."""


class ExportError(Exception):
    """An exported graph that does not answer as scikit-learn does; nothing is published, exit status 1."""


def choices(wanted: str, valid: Iterable[str], limit: int = 12) -> str:
    """A hint for a name that does not exist: the nearest valid ones, or the list of all (cut after ``limit``)."""
    names = list(valid)
    near = difflib.get_close_matches(wanted, names, n=3)
    if near:
        return "did you mean " + " or ".join(repr(name) for name in near) + "?"
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return "there are: " + ", ".join(names[:limit]) + more
