"""Is this release what it says, and may it be deployed? Every check is made, to name all that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.artifact import ArtifactError, Manifest, load
from delivery import sbom
from delivery.signature import Trust
from delivery.store import read
from delivery.unit import SBOM, DeliveryError, RefusedError, Unit


@dataclass(frozen=True)
class Check:
    """One thing that must hold: what was found where it does, the reason against the release where it does not."""

    name: str
    passed: bool
    found: str


def checks(directory: Path, trust: Trust) -> list[Check]:
    """Every check of the release in ``directory``, in the order in which a person would ask."""
    return [
        _check("record", lambda: _record(directory)),
        _check("signature", lambda: _signature(directory, trust)),
        _check("model", lambda: _model(directory)),
        _check("gate", lambda: _gate(directory)),
        _check("contents", lambda: _contents(directory)),
    ]


def require(directory: Path, trust: Trust) -> Unit:
    """The release in ``directory`` if it may be deployed; raises RefusedError naming each reason against it."""
    failed = [check for check in checks(directory, trust) if not check.passed]
    if failed:
        reasons = "; ".join(f"{check.name}: {check.found}" for check in failed)
        raise RefusedError(f"{directory.name} must not be deployed: {reasons}")
    return read(directory)


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except (DeliveryError, ArtifactError, OSError) as error:
        return Check(name, False, " ".join(str(error).split()))


def _record(directory: Path) -> str:
    unit = read(directory)
    if directory.name != unit.id:
        raise DeliveryError(f"the directory is called {directory.name}, the record {unit.id}")
    return unit.id


def _signature(directory: Path, trust: Trust) -> str:
    trust.verify(directory)
    return f"of {trust.public_key or trust.identity}, over every file"


def _model(directory: Path) -> str:
    manifest = load(directory).manifest
    unit = read(directory)
    if (manifest.name, manifest.version) != (unit.name, unit.model_version):
        raise DeliveryError(f"holds {_called(manifest)}, the record says {unit.name} {unit.model_version}")
    return f"{_called(manifest)}, every hash as in its manifest"


def _called(manifest: Manifest) -> str:
    return f"{manifest.name} {manifest.version}"


def _gate(directory: Path) -> str:
    gate = read(directory).gate
    if not gate.passed:
        raise DeliveryError(f"failed: {'; '.join(gate.reasons)}")
    return f"passed, against {gate.champion}" if gate.champion else "passed, without a champion"


def _contents(directory: Path) -> str:
    listed = sbom.read((directory / SBOM).read_bytes())
    return f"{len(listed.components)} components, CycloneDX {sbom.VERSION}"
