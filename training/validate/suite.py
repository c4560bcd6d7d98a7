"""The file of expectations: made from accepted data and the settings, and left alone once a person has changed it.

It is a suite as Great Expectations writes it (JSON). ``meta.made`` is a hash of the expectations as they were made, so
that a change of any of them, but not of the layout, shows. What was not changed is made anew whenever new data pass.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from training.columns import Column
from training.data_settings import ValidationSettings
from training.errors import SettingsError
from training.table import Table

TAUGHT = "(held out, and taught too)"  # a column of the checked table, with a value in the rows that are held out
Expectation = dict[str, Any]
_DTYPES = {"number": "float64", "boolean": "bool", "category": "str"}


def make(table: Table, repeated: float, taught: float, settings: ValidationSettings) -> dict[str, Any]:
    """The suite that ``table`` meets but for what no table may do: give the target away, or repeat an id.

    ``repeated`` is the share of rows that repeat another, ``taught`` that of the held-out rows which stand among the
    taught ones, too.
    """
    target = table.target_name
    features = [column.name for column in table.features]
    names = [column.name for column in table.columns]
    rules = [
        _rule("expect_table_columns_to_match_set", column_set=[*names, TAUGHT], exact_match=True),
        _rule("expect_table_row_count_to_be_between", min_value=int(len(table.kept) * (1 - settings.rows))),
        _rule(
            "expect_compound_columns_to_be_unique",
            column_list=[*features, target],
            mostly=_mostly(repeated + settings.repeats),
        ),
        _rule(
            "expect_column_values_to_be_in_set",
            column=TAUGHT,
            value_set=[False],
            mostly=_mostly(taught + settings.repeats),
        ),
    ]
    for column in table.columns:
        rules += _of_column(column, table, settings)
    for name in features:
        rules.append(
            _rule(
                "expect_column_not_to_predict_target_alone",
                column=name,
                target=target,
                classes=bool(table.classes),
                at_most=settings.leakage,
            )
        )
    return {"name": "", "expectations": rules, "meta": {"made": _hash(rules), "data": table.fingerprint}}


def load(file: Path) -> dict[str, Any] | None:
    """The suite in ``file``, or None where there is none; raises SettingsError for what is none."""
    try:
        suite = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(suite["expectations"], list):
            raise TypeError("'expectations' is no list")
        return suite
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{file}: not a suite of expectations ({error}); correct it, or delete it") from error


def is_edited(suite: dict[str, Any]) -> bool:
    """Whether a person has changed an expectation since it was made."""
    return suite.get("meta", {}).get("made") != _hash(suite["expectations"])


def write(file: Path, suite: dict[str, Any], name: str) -> bool:
    """Write the suite of the model ``name`` unless the file says the same already; False where it did."""
    content = json.dumps({**suite, "name": name}, indent=2, ensure_ascii=False) + "\n"
    if file.is_file() and file.read_text(encoding="utf-8") == content:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.draft")
    draft.write_text(content, encoding="utf-8")
    draft.replace(file)
    return True


def _of_column(column: Column, table: Table, settings: ValidationSettings) -> list[Expectation]:
    """What is expected of a column's values, by its role and type."""
    name = column.name
    if name in table.ids:
        return [
            _rule("expect_column_values_to_be_unique", column=name),
            _rule("expect_column_values_to_not_be_null", column=name),
        ]
    gaps = float(column.missing.mean())
    rules = [_rule("expect_column_values_to_not_be_null", column=name, mostly=_mostly(gaps + settings.gaps))]
    if name == table.timestamp or name in table.aside:
        return rules
    rules.append(_rule("expect_column_values_to_be_in_type_list", column=name, type_list=[_DTYPES[column.type]]))
    if name == table.target_name and table.classes:
        shares = np.bincount(table.target, minlength=len(table.classes)) / table.rows
        weights: list[float] = [round(share, 6) for share in shares.tolist()]
        weights[-1] = round(1 - sum(weights[:-1]), 6)  # they must add up to 1
        rules += [
            _rule("expect_column_values_to_be_in_set", column=name, value_set=table.classes),
            _rule(
                "expect_column_kl_divergence_to_be_less_than",
                column=name,
                partition_object={"values": table.classes, "weights": weights},
                threshold=settings.balance,
            ),
        ]
    elif column.type == "category":
        rules.append(_rule("expect_column_values_to_be_in_set", column=name, value_set=list(column.categories)))
    elif column.type == "number" and not column.missing.all():
        least, greatest = float(np.nanmin(column.values)), float(np.nanmax(column.values))
        margin = settings.range * (greatest - least)
        rules.append(
            _rule(
                "expect_column_values_to_be_between",
                column=name,
                min_value=_outward(least, -margin),
                max_value=_outward(greatest, margin),
            )
        )
    return rules


def _rule(kind: str, **arguments: Any) -> Expectation:
    return {"type": kind, "kwargs": arguments}


def _mostly(exceptions: float) -> float:
    """The share of rows that must meet an expectation of which ``exceptions`` may not."""
    return max(0.0, float(np.floor((1 - exceptions) * 1e4) / 1e4))


def _outward(bound: float, margin: float) -> float:
    """The bound moved by the margin; with few digits where that makes no difference."""
    moved = bound + margin
    short = float(f"{moved:.6g}")
    return short if (short <= moved if margin < 0 else short >= moved) and margin else moved


def _hash(rules: list[Expectation]) -> str:
    """The SHA-256 of the expectations' content."""
    return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()
