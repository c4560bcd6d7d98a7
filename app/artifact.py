"""The artifact format: what training hands to serving, and the reader that trusts nothing it has not checked.

An artifact is a directory ``artifacts/<name>/<version>/`` holding ``model.onnx``, ``manifest.json`` and
``report.html``, and for tree ensembles ``trees.bin``, the same trees as plain arrays (see `app.kernel.packed`);
``artifacts/<name>/current`` is a text file with the version that serves. ``version`` is derived
from everything in the manifest, and the manifest holds the SHA-256 of every other file, so one short string pins
the whole. ``release.json`` beside them says what may differ between equal trainings and is not covered.

The graph's contract:

- input ``numbers``: float64 ``[rows, numbers]``, the number and boolean features in manifest order, NaN = missing;
- input ``texts``: string ``[rows, categories]``, the category features in manifest order, ``""`` = missing;
  either input is absent where the model has no such feature;
- classification: outputs ``label`` int64 ``[rows]``, an index into ``classes``, and ``probabilities`` float64
  ``[rows, classes]``; regression: output ``prediction`` float64 ``[rows]``.

Numbers lie within ``±MAX_MAGNITUDE``, the largest float32: scikit-learn's forests refuse more, and the service does
so for every model alike.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, Literal

import msgspec

FORMAT = 1
MANIFEST = "manifest.json"
MODEL = "model.onnx"
REPORT = "report.html"
RELEASE = "release.json"
CURRENT = "current"
VERSION_LENGTH = 16
_VERSION = re.compile(rf"[0-9a-f]{{{VERSION_LENGTH}}}")
MAX_MAGNITUDE = 3.4028234663852886e38

FeatureType = Literal["number", "boolean", "category"]
Scalar = str | int | float | bool
Instance = dict[str, float | bool | str | None]


class ArtifactError(Exception):
    """An artifact that must not be served; the message names the file and the reason."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the format's records: immutable, and an unknown field is an error rather than ignored."""


class Distribution(_Strict, frozen=True):
    """How often each bin occurred in the training rows.

    ``edges`` are the inner cut points of a numeric variable, ascending: bin 0 holds ``x <= edges[0]``, the last bin
    ``x > edges[-1]``; they are empty for categories, booleans and classes, whose bins stand in their own order.
    """

    edges: list[float]
    counts: list[int]
    missing: int = 0


class Feature(_Strict, frozen=True):
    """One column of the request: its type, what was seen of it in training and how it was distributed.

    ``nullable`` features had gaps in training; they may be null or left out. ``minimum`` and ``maximum`` are the
    observed range of numbers (information, not a limit); ``limits``, where somebody declared them, and ``categories``
    are what is accepted. ``name`` has no quotation marks, backslashes or control characters, which the request's
    decoder cannot tell names by.
    """

    name: str
    type: FeatureType
    nullable: bool
    distribution: Distribution
    categories: list[str] = []
    minimum: float | None = None
    maximum: float | None = None
    limits: tuple[float, float] | msgspec.UnsetType = msgspec.UNSET

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest number that a request may hold: the declared limits, or the format's."""
        return (-MAX_MAGNITUDE, MAX_MAGNITUDE) if isinstance(self.limits, msgspec.UnsetType) else self.limits


class Example(_Strict, frozen=True):
    """A training row with the answer the model gave, predicted again by every server before it opens its port."""

    instance: Instance
    prediction: Scalar
    probabilities: list[float]


class Data(_Strict, frozen=True):
    """Where the rows came from and a hash of the parsed table (names, types, values)."""

    source: str
    rows: int
    fingerprint: str


class Slice(_Strict, frozen=True):
    """The metrics of the held-out rows in which ``column`` has the ``value``, in words."""

    column: str
    value: str
    rows: int
    metrics: dict[str, float]


class Search(_Strict, frozen=True):
    """What a search for parameters took: its best candidate's mean ``metric`` over the folds, out of ``tried`` ones."""

    metric: str
    mean: float
    as_set: float
    tried: int
    chosen: dict[str, Any]


class Manifest(_Strict, frozen=True):
    """Everything a server or a reader has to know of a model. ``code`` is the hash of the training code.

    ``folds`` are the metrics of cross-validation, fold by fold. What was not asked for is left out of the file.
    """

    format: int
    name: str
    version: str
    task: Literal["classification", "regression"]
    estimator: str
    target: str
    classes: list[Scalar]
    features: list[Feature]
    predictions: Distribution
    example: Example
    metrics: dict[str, float]
    data: Data
    settings: dict[str, Any]
    libraries: dict[str, str]
    code: str
    files: dict[str, str]
    search: Search | msgspec.UnsetType = msgspec.UNSET
    folds: dict[str, list[float]] | msgspec.UnsetType = msgspec.UNSET
    slices: list[Slice] | msgspec.UnsetType = msgspec.UNSET

    @property
    def numbers(self) -> list[Feature]:
        """The features of the graph's ``numbers`` input, in its order."""
        return [feature for feature in self.features if feature.type != "category"]

    @property
    def texts(self) -> list[Feature]:
        """The features of the graph's ``texts`` input, in its order."""
        return [feature for feature in self.features if feature.type == "category"]


class Comparison(_Strict, frozen=True):
    """A paired test of this version against the champion on the same held-out rows.

    Of ``rows`` rows, it was ``better`` on so many and ``worse`` on so many; ``p_value`` (two-sided) is how often as
    large a difference arises by chance between models that are equally good.
    """

    test: str
    rows: int
    better: int
    worse: int
    p_value: float


class Gate(_Strict, frozen=True):
    """The verdict of the day: whether the version may serve, why not, and whom it was compared with."""

    passed: bool
    reasons: list[str]
    champion: str | None
    champion_metrics: dict[str, float]
    comparison: Comparison | None = None


class Release(_Strict, frozen=True):
    """What may differ between equal trainings: the time (RFC 3339), the commit and the gate's verdict."""

    version: str
    created: str
    git_commit: str | None
    git_dirty: bool
    gate: Gate


class Artifact(_Strict, frozen=True):
    """An artifact whose files have been verified. They may be large: those that are needed are read when they are."""

    directory: Path
    manifest: Manifest

    def read(self, name: str) -> bytes:
        """The content of one of the manifest's files, verified again: the very bytes that were hashed."""
        return read_file(self.directory, self.manifest, name)


def encode(record: msgspec.Struct) -> bytes:
    """The canonical bytes of a record: sorted keys, two-space indentation, a final newline."""
    return msgspec.json.format(msgspec.json.encode(record, order="sorted"), indent=2) + b"\n"


def sha256(content: bytes) -> str:
    """The hexadecimal SHA-256 of ``content``."""
    return hashlib.sha256(content).hexdigest()


def version_of(manifest: Manifest) -> str:
    """The version a manifest must carry: a hash over all of it but the version itself.

    It is taken from the manifest as a reader decodes it, so that 41 and 41.0 in an example are the same.
    """
    decoded = msgspec.json.decode(encode(manifest), type=Manifest)
    return sha256(encode(msgspec.structs.replace(decoded, version="")))[:VERSION_LENGTH]


def is_version(text: str) -> bool:
    """Whether ``text`` has the form of a version, and so is safe as a part of a path."""
    return _VERSION.fullmatch(text) is not None


def current_version(parent: Path) -> str | None:
    """The version that ``parent/current`` points at, or None where there is no pointer."""
    try:
        return (parent / CURRENT).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None


def resolve(path: Path) -> Path:
    """The version directory that ``path`` means: itself, or what its ``current`` pointer names."""
    if not path.is_dir():
        raise ArtifactError(f"{path}: no such directory; train a model with `make train` or set MODEL_PATH")
    if (path / MANIFEST).exists():
        return path
    try:
        version = current_version(path)
    except OSError as error:
        raise ArtifactError(f"{path / CURRENT}: {error.strerror or error}") from error
    if version is None:
        raise ArtifactError(f"{path}: holds neither {MANIFEST} nor the pointer '{CURRENT}'; train a model first")
    if not is_version(version):
        raise ArtifactError(f"{path / CURRENT}: {version[:80]!r} is not a version")
    return path / version


def load_manifest(directory: Path) -> Manifest:
    """Read and check ``manifest.json``: its form, its format number and that its version is its own hash."""
    file = directory / MANIFEST
    content = _read(file)
    try:
        found = msgspec.json.decode(content, type=dict[str, Any]).get("format")
        if found != FORMAT:
            raise ArtifactError(f"{file}: format {found!r} is not the one this server reads ({FORMAT}); train again")
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ArtifactError(f"{file}: not a manifest ({error})") from error
    expected = version_of(manifest)
    if manifest.version != expected:
        raise ArtifactError(f"{file}: altered; it says version {manifest.version[:80]}, its content is {expected}")
    return manifest


def load(path: Path) -> Artifact:
    """Read the artifact at ``path`` (a version directory or one with a ``current`` pointer) and verify every hash."""
    directory = resolve(path)
    manifest = load_manifest(directory)
    if MODEL not in manifest.files:
        raise ArtifactError(f"{directory / MANIFEST}: lists no {MODEL}")
    for name in manifest.files:
        if Path(name).name != name:
            raise ArtifactError(f"{directory / MANIFEST}: '{name[:80]}' is not a file name")
        try:
            with (directory / name).open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise ArtifactError(f"{directory / name}: {error.strerror or error}") from error
        _check(directory, manifest, name, found)
    return Artifact(directory, manifest)


def read_file(directory: Path, manifest: Manifest, name: str) -> bytes:
    """The content of ``name``, one of the manifest's files, verified; raises ArtifactError where it is another."""
    content = _read(directory / name)
    _check(directory, manifest, name, sha256(content))
    return content


def _check(directory: Path, manifest: Manifest, name: str, digest: str) -> None:
    """Raise ArtifactError unless ``digest`` is the one that the manifest has for ``name``."""
    if digest != manifest.files[name]:
        raise ArtifactError(
            f"{directory / name}: altered or truncated; its SHA-256 is not the manifest's. Restore it or retrain"
        )


def _read(file: Path) -> bytes:
    """The content of ``file``, or an ArtifactError with the system's reason."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{file}: {error.strerror or error}") from error
