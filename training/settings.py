"""The settings of a run: ``params.toml``, then the caller's file, then options; decoded into frozen records."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args, get_origin

import msgspec

from training.data_settings import DataSettings, NonNegative, SettingsTable, ValidationSettings
from training.errors import SettingsError, choices
from training.train_settings import SearchSettings, SliceSettings, SplitSettings, Task, TrainSettings

DEFAULTS = Path(__file__).with_name("params.toml")

ClassificationMetric = Literal["accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc", "cost"]
RegressionMetric = Literal["r2", "mae", "rmse"]
Replace = Literal["not_worse", "better"]
Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]


class Bounds(SettingsTable, frozen=True):
    """A bound per metric that has one."""

    accuracy: float | None = None
    balanced_accuracy: float | None = None
    f1_macro: float | None = None
    log_loss: float | None = None
    roc_auc: float | None = None
    cost: float | None = None
    r2: float | None = None
    mae: float | None = None
    rmse: float | None = None

    def given(self) -> dict[str, float]:
        """The bounds that are set."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}


class Limits(SettingsTable, frozen=True):
    """Absolute limits on metrics."""

    at_least: Bounds = Bounds()
    at_most: Bounds = Bounds()


class ClassificationGate(Limits, frozen=True, kw_only=True):
    """What a classifier must reach; ``over_baseline`` and ``tolerance`` are in units of ``metric``."""

    metric: ClassificationMetric
    over_baseline: NonNegative
    replace: Replace
    tolerance: NonNegative
    significance: Share


class RegressionGate(Limits, frozen=True, kw_only=True):
    """What a regressor must reach; ``over_baseline`` and ``tolerance`` are in units of ``metric``."""

    metric: RegressionMetric
    over_baseline: NonNegative
    replace: Replace
    tolerance: NonNegative
    significance: Share


class GateSettings(SettingsTable, frozen=True):
    """The gate's thresholds per task, and further limits for models by name."""

    classification: ClassificationGate
    regression: RegressionGate
    models: dict[str, Limits]

    def of(self, task: Task) -> ClassificationGate | RegressionGate:
        """The thresholds for ``task``."""
        return self.classification if task == "classification" else self.regression


class RegistrySettings(SettingsTable, frozen=True):
    """Whether trainings are told to the model registry; where that is, MLFLOW_TRACKING_URI says."""

    enabled: bool


class Settings(SettingsTable, frozen=True):
    """All settings of a run."""

    data: DataSettings
    validation: ValidationSettings
    split: SplitSettings
    train: TrainSettings
    search: SearchSettings
    slices: SliceSettings
    gate: GateSettings
    registry: RegistrySettings

    def shaping(self, task: Task) -> dict[str, Any]:
        """The settings that shape a model of ``task``: these, and no others, are part of its version."""
        data, table = self.data, self.train.table(task)
        found: dict[str, Any] = {
            "data": {
                "target": data.target,
                "ignore": sorted(set(data.ignore)),
                "id": sorted(set(data.id)),
                "timestamp": data.timestamp,
                "types": data.types,
                "limits": data.limits,
                "task": task,
            },
            "split": msgspec.to_builtins(self.split),
            "train": self.train.shaping(task, searched=self.search.candidates > 0),
        }
        if data.aside:
            found["data"]["aside"] = sorted(set(data.aside))
        if self.search.candidates:
            found["search"] = {
                "candidates": self.search.candidates,
                "minutes": self.search.minutes,
                "metric": self.gate.of(task).metric,
                table: self.search.space(table),
            }
        if self.slices.columns:
            found["slices"] = {"columns": self.slices.columns}
        return found


def load_settings(file: Path | None, options: Mapping[str, Any], overrides: Iterable[str]) -> Settings:
    """Merge the defaults, ``file``, ``options`` (dotted key → value) and ``overrides`` (``key=value``), in this order.

    Raises SettingsError with the key, its value and what is expected of it.
    """
    tree = _read(DEFAULTS)
    if file is not None:
        _merge(tree, _read(file))
    for key, value in options.items():
        branch: Any = value
        for part in reversed(key.split(".")):
            branch = {part: branch}
        _merge(tree, branch)
    for override in overrides:
        _merge(tree, _parse_override(override))
    return _decode(tree)


def _read(file: Path) -> dict[str, Any]:
    """The content of a TOML file."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: not TOML ({error})") from error


def _merge(tree: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Lay ``changes`` over ``tree``, table by table; a limit table ({}) is filled key by key like any other."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            _merge(tree[key], cast("dict[str, Any]", value))
        else:
            tree[key] = value


def _parse_override(text: str) -> dict[str, Any]:
    """``section.key=value`` as a tree; a value that is not TOML is taken as text, so quotes may be left out."""
    key, separator, value = text.partition("=")
    if not separator or not re.fullmatch(r"[\w-]+(\.[\w-]+)+", key.strip()):
        raise SettingsError(f"--set {text}: write section.key=value, such as --set split.test_size=0.3")
    for candidate in (value, json.dumps(value.strip())):
        try:
            return tomllib.loads(f"{key} = {candidate}")
        except tomllib.TOMLDecodeError:
            continue
    raise SettingsError(f"--set {text}: {value!r} is not a TOML value")


def _decode(tree: dict[str, Any]) -> Settings:
    """Turn the merged tree into Settings, or say in people's words what is wrong with which key."""
    try:
        return msgspec.convert(tree, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(str(error), tree)) from error


def _explain(message: str, tree: dict[str, Any]) -> str:
    """Rewrite msgspec's message as ``key = value: what is expected``."""
    problem, _, path = message.partition(" - at `")
    keys = [key for key in re.sub(r"\[[^]]*\]", ".*", path.strip("`$")).split(".") if key]
    kind, found = Settings, cast("Any", tree)
    for place, key in enumerate(keys):
        kind = _type_below(kind, key)
        if key == "*":
            keys[place], found = _first_wrong(found, kind)
        else:
            found = cast("dict[str, Any]", found).get(key) if isinstance(found, dict) else found
    name = ".".join(keys)
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", problem)
    if unknown:
        valid = [field.name for field in msgspec.structs.fields(kind)]
        return f"setting {'.'.join([*keys, unknown[1]])}: no such key; {choices(unknown[1], valid)}"
    if get_origin(kind) is Literal:
        return f"setting {name} = {json.dumps(found)}: must be one of {', '.join(get_args(kind))}"
    return f"setting {name} = {json.dumps(found, default=str)[:80]}: {problem.replace('`', '')}"


def _first_wrong(found: Any, kind: Any) -> tuple[str, Any]:
    """The key, or position, and the value of the first entry of a table or list that is not of type ``kind``."""
    entries = cast("dict[str, Any]", found).items() if isinstance(found, dict) else enumerate(found)
    for key, value in entries:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError:
            return str(key), value
    return "*", found


def _type_below(kind: Any, key: str) -> Any:
    """The type of ``key`` in a table of type ``kind``; ``*`` stands for any key or position."""
    if key == "*":
        return get_args(kind)[-1]
    return next(field.type for field in msgspec.structs.fields(kind) if field.name == key)
