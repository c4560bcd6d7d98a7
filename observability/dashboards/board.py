"""What the dashboards have in common: variables, links to each other, rows of panels and stable identities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
    TextBoxVariable,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from observability.dashboards import panels

TAG = "mlplatform"


def board(name: str, title: str, meaning: str, *, runbooks: str, span: str = "now-6h") -> Dashboard:
    """An empty dashboard whose address ends in ``mlplatform-<name>``, looking back to ``span``."""
    address = VariableOption(text=runbooks, value=runbooks)
    return (
        Dashboard(title)
        .uid(f"{TAG}-{name}")
        .description(meaning)
        .tags([TAG])
        .timezone("browser")
        .time(span, "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(TextBoxVariable("runbooks").label("Runbooks at").default_value(runbooks).current(address))
        .link(
            DashboardLink("Dashboards")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(False)
            .include_vars(True)
            .keep_time(True)
        )
    )


def choice(label: str, info: str) -> QueryVariable:
    """A variable of the values that ``label`` has in the series ``info``, all of them chosen at first."""
    return (
        QueryVariable(label)
        .label(label.capitalize())
        .query(f"label_values({info}, {label})")
        .datasource(panels.datasource())
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(text="All", value="$__all"))
    )


def encoded(dashboard: Dashboard, content: Mapping[str, Sequence[Builder[Panel]]]) -> str:
    """``dashboard`` with a row for each title of ``content``, as JSON that Grafana imports or provisions."""
    for title, found in content.items():
        dashboard.with_row(Row(title))
        for panel in found:
            dashboard.with_panel(panel)
    built = dashboard.build()
    # Links to a panel hold its number, and without one Grafana gives it a new one at each import.
    for number, panel in enumerate(built.panels or [], start=1):
        panel.id_val = number
    return JSONEncoder(indent=2, sort_keys=True).encode(built) + "\n"
