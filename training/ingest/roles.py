"""Which of a table's columns are read: names that tell columns apart, roles that fit them."""

from __future__ import annotations

from collections.abc import Sequence

from training.data_settings import DataSettings
from training.errors import DataError, choices


def check_names(place: str, names: Sequence[str]) -> None:
    """Refuse a header in which a column has no name or the name of another."""
    seen: set[str] = set()
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise DataError(
                f"{place}: column {position} has no name; name it in the header, or save the table without its index"
            )
        if name in seen:
            raise DataError(f"{place}: two columns are named '{name}'; rename one")
        seen.add(name)


def wanted(place: str, names: Sequence[str], settings: DataSettings) -> list[str]:
    """The names of the columns to read: all but the ignored ones.

    Raises DataError where the header or a role does not fit: see ``check_names`` and ``check_roles``.
    """
    check_names(place, names)
    check_roles(names, settings)
    for name in settings.ignore:
        if name not in names:
            raise DataError(f"--ignore {name}: no such column; {choices(name, names)}")
    return [name for name in names if name not in settings.ignore]


def check_roles(names: Sequence[str], settings: DataSettings) -> None:
    """Refuse roles of columns that do not exist, two roles of one, and those that leave nothing to learn from."""
    if settings.target not in names:
        hint = choices(settings.target, names)
        raise DataError(f"the target '{settings.target}' is no column of the data (set it with --target); {hint}")
    timestamp = [settings.timestamp] if settings.timestamp else []
    declared = {
        "data.id": settings.id,
        "data.aside": settings.aside,
        "data.timestamp": timestamp,
        "data.types": [*settings.types],
        "data.limits": [*settings.limits],
    }
    for key, columns in declared.items():
        for name in columns:
            if name not in names:
                raise DataError(f"{key} {name}: no such column; {choices(name, names)}")
    taken = {settings.target: "the target"}
    roles = {
        "--ignore": settings.ignore,
        "data.id": settings.id,
        "data.aside": settings.aside,
        "data.timestamp": timestamp,
    }
    for key, columns in roles.items():
        for name in columns:
            if name in taken:
                raise DataError(f"{key} {name}: it is {taken[name]}")
            taken[name] = f"set by {key} already"
    if not set(names) - taken.keys():
        raise DataError(f"no column is left to predict '{settings.target}' from")
