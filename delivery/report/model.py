"""The first part of the report: how the new model differs from the one it would replace."""

from __future__ import annotations

from collections.abc import Sequence

from app.artifact import Feature, Gate, Manifest
from delivery.report.drift import LARGE, NOTABLE, feature_psi
from delivery.report.markdown import NOTHING, Section, Table, code

LOWER_IS_BETTER = frozenset({"log_loss", "cost", "mae", "rmse"})


def model_section(before: Manifest | None, after: Manifest | None, gate: Gate | None) -> Section:
    """The comparison of two manifests; ``before`` is None for a first model, ``after`` where a change brings none."""
    if after is None:
        return Section("Model", ["No model changes."])
    if before is not None and before.version == after.version:
        return Section("Model", [f"The same model: {code(after.name)} {code(after.version)}."])
    parts: list[str | Table] = [_verdict(gate), _headline(before, after), _metrics(before, after, gate)]
    if after.classes:
        parts += ["Predictions on the training rows, per class:", _classes(before, after)]
    if before is not None:
        parts += _schema(before, after) + _drift(before, after)
    return Section("Model", parts)


def _verdict(gate: Gate | None) -> str:
    if gate is None:
        return "**Gate: no verdict.** Without one it is no release."
    if gate.passed:
        return "**Gate: passed.**"
    return "**Gate: failed.** " + "; ".join(code(reason) for reason in gate.reasons)


def _headline(before: Manifest | None, after: Manifest) -> str:
    new = f"{code(after.name)} {code(after.version)}, {code(after.estimator)} on {after.data.rows:,} rows"
    if before is None:
        return f"{new}; there is no model before it."
    return f"{new}; before: {code(before.version)}, {code(before.estimator)} on {before.data.rows:,} rows."


def _metrics(before: Manifest | None, after: Manifest, gate: Gate | None) -> Table:
    """Every metric. The champion's are the gate's where it measured that very model on the same held-out rows."""
    measured = gate.champion_metrics if gate and before and gate.champion == before.version else {}
    old = measured or (before.metrics if before else {})
    rows = [_metric(name, old.get(name), after.metrics.get(name)) for name in {**after.metrics, **old}]
    where = "before, same rows" if measured else "before, as recorded"
    return Table(["metric", where, "after", "change"], rows)


def _metric(name: str, old: float | None, new: float | None) -> list[str]:
    change = NOTHING
    if old is not None and new is not None:
        gained = (old - new) if name in LOWER_IS_BETTER else (new - old)
        change = f"{new - old:+.4f}" + (" better" if gained > 0 else " **worse**" if gained < 0 else "")
    return [code(name), *(NOTHING if value is None else f"{value:.4f}" for value in (old, new)), change]


def _classes(before: Manifest | None, after: Manifest) -> Table:
    """How often each class is predicted, in percent."""
    old, new = (_shares(manifest) if manifest else {} for manifest in (before, after))
    rows = [[code(name), *(_percent(each.get(name)) for each in (old, new))] for name in {**new, **old}]
    return Table(["class", "before", "after"], rows)


def _shares(manifest: Manifest) -> dict[str, float]:
    total = sum(manifest.predictions.counts) or 1
    shares = (count / total for count in manifest.predictions.counts)
    return dict(zip(map(str, manifest.classes), shares, strict=False))


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.1%}"


def _schema(before: Manifest, after: Manifest) -> list[str | Table]:
    """What callers notice: features gone, added, of another type, and texts or gaps that are no longer accepted."""
    old, new = _by_name(before), _by_name(after)
    rows = [[code(name), "**removed**", "callers that send it are refused"] for name in old if name not in new]
    rows += [
        [code(name), "**added**", "may be left out" if feature.nullable else "**required of every caller**"]
        for name, feature in new.items()
        if name not in old
    ]
    rows += [row for name in old if name in new for row in _changes(old[name], new[name])]
    if not rows:
        return ["The feature schema is the same."]
    return ["Changes of the feature schema:", Table(["feature", "change", "what it means"], rows)]


def _changes(old: Feature, new: Feature) -> list[list[str]]:
    """What changed in one feature."""
    rows: list[list[str]] = []
    if old.type != new.type:
        rows.append([code(new.name), f"**{old.type} → {new.type}**", "callers must send another type"])
    if old.nullable and not new.nullable:
        rows.append([code(new.name), "**no longer nullable**", "null is refused"])
    if new.nullable and not old.nullable:
        rows.append([code(new.name), "nullable", "null is accepted"])
    if gone := [each for each in old.categories if each not in new.categories]:
        rows.append([code(new.name), "**categories gone**", _listed(gone)])
    if added := [each for each in new.categories if each not in old.categories]:
        rows.append([code(new.name), "categories added", _listed(added)])
    return rows


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(code(name) for name in names[:most]) + more


def _drift(before: Manifest, after: Manifest) -> list[str | Table]:
    """The drift of the training data, the largest first."""
    old, new = _by_name(before), _by_name(after)
    common = [(name, old[name], new[name]) for name in new if name in old and old[name].type == new[name].type]
    found = [(value, name) for name, was, now in common if (value := feature_psi(was, now)) is not None]
    if not found:
        return ["No feature in common whose training data could be compared."]
    if all(value < NOTABLE for value, _ in found):
        largest, name = max(found)
        return [f"Drift of the training data: none of note; the largest PSI is {largest:.3f} ({code(name)})."]
    rows = [[code(name), f"{value:.3f}", _called(value)] for value, name in sorted(found, reverse=True)]
    note = f"Drift of the training data (PSI; below {NOTABLE:g} nothing of note, from {LARGE:g} on large):"
    return [note, Table(["feature", "PSI", ""], rows)]


def _called(value: float) -> str:
    return "**large**" if value >= LARGE else "notable" if value >= NOTABLE else ""


def _by_name(manifest: Manifest) -> dict[str, Feature]:
    return {feature.name: feature for feature in manifest.features}
