"""Ask Great Expectations whether a table meets a suite."""

from __future__ import annotations

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

    Raises SettingsError for an expectation in ``file`` that does not exist or has other arguments.
    """
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)  # what fails is told by the result
    rules = [_build(rule, position, file) for position, rule in enumerate(suite["expectations"], start=1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("data").add_dataframe_asset("table")
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
        result: Any = batch.validate(
            ExpectationSuite(name=file.stem, expectations=rules),
            result_format={"result_format": "SUMMARY", "partial_unexpected_count": SAMPLES},
        )
    return result, [_failure(each) for each in result.results if not each.success]


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
