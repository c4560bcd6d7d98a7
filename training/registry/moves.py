"""Promote, roll back, fetch: what a person decides, found out and noted here, carried out by ``Registry.settle``."""

from __future__ import annotations

from training.errors import RegistryError, choices
from training.registry.registry import Registry, Say
from training.registry.spool import Act
from training.registry.tracking import CHALLENGER, CHAMPION, REPLACED, Entries, Registered


def find(entries: Entries, wanted: str) -> Registered:
    """The entry that ``wanted`` names: an alias or a version. Raises RegistryError with the ones there are."""
    entry = entries.holder(wanted) or entries.find(wanted)
    if entry is not None:
        return entry
    if not entries.versions:
        raise RegistryError(
            f"the registry holds no model '{entries.name}'; python -m training list shows what it holds"
        )
    aliases = {alias for entry in entries.versions for alias in entry.aliases}
    if wanted in (CHAMPION, CHALLENGER):
        raise RegistryError(
            f"{entries.name} has no {wanted}; python -m training list {entries.name} shows its versions"
        )
    valid = [*sorted(aliases), *(entry.version for entry in entries.versions)]
    raise RegistryError(f"{entries.name} has no version '{wanted}'; {choices(wanted, valid)}")


def promote_version(registry: Registry, wanted: str, force: bool, say: Say) -> Registered:
    """Make a version the champion and the current model. Raises RegistryError for one that the gate refused."""
    registry.settle(say)
    entries = registry.look()
    entry, champion = find(entries, wanted), entries.holder(CHAMPION)
    if entry.tags.get("gate") == "refused" and not force:
        raise RegistryError(f"{entries.name} {entry.version} was refused by the gate; --force promotes it all the same")
    return _move(registry, entry, champion, "promote", say)


def roll_back(registry: Registry, say: Say) -> tuple[Registered, Registered]:
    """Make the champion's predecessor the champion again; (the one restored, the one that had to go)."""
    registry.settle(say)
    entries = registry.look()
    champion = find(entries, CHAMPION)
    replaced = champion.tags.get(REPLACED)
    previous = entries.find(replaced) if replaced else None
    if previous is None:
        raise RegistryError(f"{entries.name} {champion.version} had no champion before it that could be restored")
    return _move(registry, previous, champion, "restore", say), champion


def _move(registry: Registry, entry: Registered, champion: Registered | None, act: Act, say: Say) -> Registered:
    """Bring the version here, note what is to be done with it, and do it."""
    registry.bring(entry)
    registry.note(entry.version, act, champion.version if champion else None)
    registry.settle(say)
    return entry
