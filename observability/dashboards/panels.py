"""How every panel looks: a unit, a meaning, the limits that matter and the runbooks that belong to it.

Data source and address of the runbooks are variables, so a dashboard can be imported into any Grafana.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import DashboardLink as Link
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

__all__ = ["above", "below", "chart", "datasource", "number", "rows", "runbooks", "stacked", "states", "units"]

_HEIGHT, _WIDE, _NARROW = 8, 8, 4  # of 24 columns: three charts or six numbers in a row
_GOOD, _POOR, _BAD = "green", "orange", "red"


def datasource() -> DataSourceRef:
    """The data source that is chosen at the top of the dashboard."""
    return DataSourceRef(type_val="prometheus", uid="${datasource}")


def chart(title: str, meaning: str, unit: str, queries: Mapping[str, str]) -> timeseries.Panel:
    """Lines over time; ``queries`` maps a legend such as ``{{endpoint}}`` to PromQL."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(meaning)
        .unit(unit)
        .axis_soft_min(0)
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .height(_HEIGHT)
        .span(_WIDE)
        .datasource(datasource())
        .line_width(1)
        .fill_opacity(8)
        .show_points(VisibilityMode.NEVER)
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
        .thresholds(_thresholds(_GOOD))
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    for letter, (legend, expr) in zip(ascii_uppercase, queries.items(), strict=False):
        panel.with_target(_query(letter, expr).range().legend_format(legend))
    return panel


def stacked(title: str, meaning: str, unit: str, queries: Mapping[str, str]) -> timeseries.Panel:
    """A chart whose lines add up."""
    return (
        chart(title, meaning, unit, queries)
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
        .fill_opacity(30)
    )


def number(title: str, meaning: str, unit: str, expr: str, legend: str = "") -> stat.Panel:
    """The last value of ``expr``, one for each of its series."""
    return (
        stat.Panel()
        .title(title)
        .description(meaning)
        .unit(unit)
        .height(_HEIGHT // 2)
        .span(_NARROW)
        .datasource(datasource())
        .graph_mode(BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(_GOOD))
        .with_target(_query("A", expr).range().legend_format(legend))
    )


def states(title: str, meaning: str, queries: Mapping[str, str]) -> statetimeline.Panel:
    """A bar for each series while it has a value."""
    panel = (
        statetimeline.Panel()
        .title(title)
        .description(meaning)
        .height(_HEIGHT)
        .span(24)
        .datasource(datasource())
        .show_value(VisibilityMode.NEVER)
        .thresholds(_thresholds(_BAD))
    )
    for letter, (legend, expr) in zip(ascii_uppercase, queries.items(), strict=False):
        panel.with_target(_query(letter, expr).range().legend_format(legend))
    return panel


def rows(title: str, meaning: str, columns: Mapping[str, str], queries: Sequence[str]) -> table.Panel:
    """A table of what ``queries`` return now, joined by the labels they share; ``columns`` maps fields to headers.

    The value of the first query is the field ``Value #A``, of the second ``Value #B``; what ``columns`` leaves out is
    not shown.
    """
    panel = table.Panel().title(title).description(meaning).height(_HEIGHT).span(_WIDE).datasource(datasource())
    for letter, expr in zip(ascii_uppercase, queries, strict=False):
        panel.with_target(_query(letter, expr).instant().format(PromQueryFormat.TABLE))
    merged = DataTransformerConfig(id_val="merge", options={})
    order = {"indexByName": {field: place for place, field in enumerate(columns)}, "renameByName": dict(columns)}
    shown = DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": list(columns)}})
    return panel.transformations([merged, shown, DataTransformerConfig(id_val="organize", options=order)])


def above(poor: float, bad: float | None = None) -> ThresholdsConfig:
    """Good below ``poor``, and bad from ``bad`` on, which is ``poor`` too unless it is given."""
    return _thresholds(_GOOD, (poor, _BAD)) if bad is None else _thresholds(_GOOD, (poor, _POOR), (bad, _BAD))


def below(poor: float, bad: float | None = None) -> ThresholdsConfig:
    """Good from ``poor`` on, and bad below ``bad``, which is ``poor`` too unless it is given."""
    return _thresholds(_BAD, (poor, _GOOD)) if bad is None else _thresholds(_BAD, (bad, _POOR), (poor, _GOOD))


def runbooks(*alerts: str) -> list[Builder[Link]]:
    """The runbooks of the alerts that fire on what a panel shows."""
    return [
        DashboardLink(f"Runbook: {alert}").type(DashboardLinkType.LINK).url(f"${{runbooks}}/{alert}.md")
        for alert in alerts
    ]


def _query(letter: str, expr: str) -> prometheus.Dataquery:
    """A query to the chosen data source, known within its panel by ``letter``."""
    return prometheus.Dataquery().ref_id(letter).expr(expr).datasource(datasource())


def _thresholds(lowest: str, *steps: tuple[float, str]) -> ThresholdsConfig:
    """Colours from each value on, ``lowest`` below the first."""
    found = [Threshold(color=lowest), *(Threshold(value, color) for value, color in steps)]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)
