"""The one expectation that Great Expectations does not bring, and a measure that it takes at the cost of the memory.

What it does not bring: no feature may give the target away. What is costly: whether rows repeat each other.
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import pandas as pd
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (
    multicolumn_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_map_metric_provider import (
    MulticolumnMapMetricProvider,
)
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.multicolumn_map_metrics.compound_columns_unique import (
    CompoundColumnsUnique,
)
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.render.components import LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer

from training.validate.leakage import predicts_alone
from training.validate.repeats import repeated

METRIC = "table.target_predicted_by"
_PARAMETER = {"classes": ["badge", "badge-secondary"]}  # as the other expectations style theirs


class TargetPredictedBy(TableMetricProvider):
    """The score that ``predicts_alone`` gives; importing this class registers it."""

    metric_name = METRIC
    value_keys = ("column", "target", "classes")

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any
    ) -> float:  # Great Expectations makes it a class method
        frame, _domain, _accessor = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        column, target, classes = (metric_value_kwargs[key] for key in cls.value_keys)
        return predicts_alone(frame[column], frame[target], classes)


logging.getLogger("great_expectations.expectations.registry").setLevel(logging.ERROR)  # that one takes another's place


class RowsUnique(MulticolumnMapMetricProvider):
    """What ``expect_compound_columns_to_be_unique`` measures; importing this class registers it in place of theirs."""

    condition_metric_name = CompoundColumnsUnique.condition_metric_name
    condition_domain_keys = CompoundColumnsUnique.condition_domain_keys

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: Any) -> pd.Series:  # Great Expectations makes it a class method
        return pd.Series(~repeated(column_list), index=column_list.index)


class ExpectColumnNotToPredictTargetAlone(BatchExpectation):
    """Expect ``column`` alone to predict ``target`` no better than ``at_most``: see ``training.validate.leakage``."""

    column: str
    target: str
    classes: bool
    at_most: float

    metric_dependencies: ClassVar[Any] = (METRIC,)
    domain_keys: ClassVar[Any] = ("batch_id", "table")
    success_keys: ClassVar[Any] = ("column", "target", "classes", "at_most")

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)
    def _prescriptive_renderer(
        cls, configuration: Any = None, *_: Any, **__: Any
    ) -> list[RenderedStringTemplateContent]:
        """The line of Data Docs."""
        text = "must not predict $target alone better than $at_most (balanced accuracy, or R²)."
        template = {"template": text, "params": configuration.kwargs, "styling": {"default": _PARAMETER}}
        return [RenderedStringTemplateContent(content_block_type="string_template", string_template=template)]

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> Any:
        score = metrics[METRIC]
        return {"success": score <= self.at_most, "result": {"observed_value": round(score, 4)}}
