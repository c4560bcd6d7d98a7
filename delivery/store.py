"""Where releases are kept: ``artifacts/<name>/releases/<id>/``, each written once and never changed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.artifact import MANIFEST, RELEASE, Artifact, encode
from delivery.signature import Signer
from delivery.unit import SBOM, UNIT, DeliveryError, Unit, decode, same

FOLDER = "releases"
_DRAFT = ".writing-"


@dataclass(frozen=True)
class Store:
    """The releases of one model, beside its versions in ``model``, which is ``artifacts/<name>``."""

    model: Path

    def write(self, unit: Unit, artifact: Artifact, sbom: bytes, signer: Signer) -> tuple[Path, bool]:
        """Write and sign a release of ``artifact``; its directory, and whether it is new.

        A release that is there already stays as it is, time, verdict and signature included. Raises DeliveryError
        where another one has its id.
        """
        target = self.model / FOLDER / unit.id
        if target.exists():
            return self._existing(target, unit), False
        names = (*artifact.manifest.files, MANIFEST, RELEASE)
        content = {name: (artifact.directory / name).read_bytes() for name in names}
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=target.parent))
        try:
            made = draft / unit.id  # the signature's subject is the directory's name
            _fill(made, {**content, UNIT: encode(unit), SBOM: sbom})
            signer.sign(made)
            _make_read_only(made)
            try:
                made.rename(target)  # refused by the system where somebody was faster
            except OSError:
                return self._existing(target, unit), False
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return target, True

    def find(self, wanted: str) -> Path:
        """The directory of the release whose id is or begins with ``wanted``; raises DeliveryError if it is not one."""
        found = [path for path in self.all() if path.name.startswith(wanted)]
        exact = [path for path in found if path.name == wanted]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if found:
            raise DeliveryError(f"{wanted} means {', '.join(path.name for path in found)}; write more of it")
        raise DeliveryError(f"no release {wanted} in {self.model / FOLDER}; `python -m delivery show` lists them")

    def all(self) -> list[Path]:
        """The directories of all releases, by name."""
        return sorted(path.parent for path in self.model.glob(f"{FOLDER}/[!.]*/{UNIT}"))

    def _existing(self, target: Path, unit: Unit) -> Path:
        """``target`` if it holds the same release."""
        if not same(read(target), unit):
            raise DeliveryError(f"{target} is another release with the same id, and none is ever overwritten")
        return target


def read(directory: Path) -> Unit:
    """The record of the release in ``directory``, checked against itself; raises DeliveryError."""
    file = directory / UNIT
    try:
        return decode(file.read_bytes(), str(file))
    except OSError as error:
        raise DeliveryError(f"{file}: {error.strerror or error}") from error


def _fill(directory: Path, content: Mapping[str, bytes]) -> None:
    directory.mkdir()
    for name, data in content.items():
        (directory / name).write_bytes(data)


def _make_read_only(directory: Path) -> None:
    """Nobody changes a release by accident; the signature tells where somebody did on purpose."""
    for file in directory.iterdir():
        file.chmod(0o444)
