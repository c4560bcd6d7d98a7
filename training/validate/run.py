"""Ask Great Expectations whether a table meets a suite."""

from __future__ import annotations

import gc
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

import training.validate.expectations  # noqa: F401  # pyright: ignore[reportUnusedImport]  # it registers itself
from training.errors import SettingsError

SAMPLES = 5
# These count columns and rows, or compare values of a column with each other: float32 does as well as float64.
_OF_ANY_WIDTH = {
    "expect_table_columns_to_match_set",
    "expect_table_row_count_to_be_between",
    "expect_compound_columns_to_be_unique",
}
_LIMITS = ("type_list", "min_value", "max_value", "threshold", "at_most")


@dataclass(frozen=True)
class Failure:
    """An expectation that does not hold: its rule, its column (if it is about one), how many values, and which rows."""

    rule: str
    column: str | None
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}" + (f" on '{self.column}'" if self.column else "") + f" ({self.detail})"


def run(frame: pd.DataFrame, suite: dict[str, Any], file: Path) -> tuple[Any, list[Failure]]:
    """Great Expectations' result for ``frame``, whose index numbers the rows, and what does not hold.

    Each expectation sees the columns that it is about and no others, because Great Expectations copies all columns that
    it is given, for each of them.

    Raises SettingsError for an expectation in ``file`` that does not exist or has other arguments.
    """
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)  # what fails is told by the result
    rules = [_build(rule, position, file) for position, rule in enumerate(suite["expectations"], start=1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        places: dict[tuple[tuple[str, ...], bool], list[int]] = {(tuple(frame.columns), True): []}
        for place, rule in enumerate(suite["expectations"]):
            seen = _columns(rule, frame), rule["type"] in _OF_ANY_WIDTH
            places.setdefault(seen, []).append(place)
        found: list[Any] = [None] * len(rules)
        result: Any = None
        gc.freeze()  # what is there already, so that collecting is quick
        for (columns, any_width), chosen in places.items():
            part = frame[[*columns]]
            if not any_width:
                part = part.astype(dict.fromkeys(part.select_dtypes("float32"), "float64"))
            asset = context.data_sources.add_pandas("data").add_dataframe_asset("table")
            result = (
                asset.add_batch_definition_whole_dataframe("all")
                .get_batch({"dataframe": part})
                .validate(
                    ExpectationSuite(name=file.stem, expectations=[rules[place] for place in chosen]),
                    result_format={"result_format": "SUMMARY", "partial_unexpected_count": SAMPLES},
                )
            )
            for place, each in zip(chosen, result.results, strict=True):
                found[place] = each
            context.data_sources.delete("data")  # it keeps every mask that it has made, in circles
            gc.collect()
        gc.unfreeze()
    return _whole(result, found), [_failure(each) for each in found if not each.success]


def _columns(rule: dict[str, Any], frame: pd.DataFrame) -> tuple[str, ...]:
    """The columns that an expectation is about: all where it names none, or may name some in a condition."""
    arguments = rule["kwargs"]
    names = [arguments[key] for key in ("column", "column_A", "column_B", "target") if key in arguments]
    names += arguments.get("column_list", [])
    whole = not names or "row_condition" in arguments
    return tuple(name for name in frame.columns if whole or name in names)


def _whole(result: Any, found: list[Any]) -> Any:
    """The last part's ``result`` with what was found in all parts, in the suite's order."""
    held = sum(bool(each.success) for each in found)
    result.results, result.success = found, held == len(found)
    result.statistics = {
        "evaluated_expectations": len(found),
        "successful_expectations": held,
        "unsuccessful_expectations": len(found) - held,
        "success_percent": 100 * held / len(found) if found else None,
    }
    return result


def _build(rule: Any, position: int, file: Path) -> Any:
    """The expectation that an entry of the file describes; a suite would pass over one that is unknown."""
    try:
        return ExpectationConfiguration(type=rule["type"], kwargs=rule["kwargs"], meta=rule.get("meta")).to_domain_obj()
    except Exception as error:
        raise SettingsError(f"{file}: expectation {position}: {' '.join(str(error).split())[:200]}") from error


def _failure(result: Any) -> Failure:
    """What does not hold, in one line."""
    configuration = result.expectation_config
    column: str | None = configuration.kwargs.get("column")
    found: dict[str, Any] = result.result
    if not found:
        return Failure(configuration.type, column, _exception(result.exception_info))
    if "unexpected_count" in found:
        count, total = found["unexpected_count"], found["element_count"] - found.get("missing_count", 0)
        samples = zip(found["partial_unexpected_list"], found.get("partial_unexpected_index_list") or [], strict=False)
        rows = [f"row {row}" + (f" has {str(value)[:40]!r}" if column else "") for value, row in samples]
        more = ", …" if count > len(rows) else ""
        return Failure(configuration.type, column, f"{count} of {total} values: {', '.join(rows)}{more}")
    details = found.get("details") or {}
    limits = [f"{key} {configuration.kwargs[key]}" for key in _LIMITS if configuration.kwargs.get(key) is not None]
    reason = ", ".join([f"is {found.get('observed_value')}", *limits])
    for kind, names in (details.get("mismatched") or {}).items():
        reason = f"{kind}: {', '.join(map(str, names))}"
    return Failure(configuration.type, column, reason)


def _exception(info: dict[str, Any]) -> str:
    """Why an expectation could not be checked at all, such as a column that is not there."""
    messages = [info.get("exception_message")] + [
        each.get("exception_message") for each in info.values() if isinstance(each, dict)
    ]
    return next((" ".join(str(message).split())[:200] for message in messages if message), "could not be checked")
