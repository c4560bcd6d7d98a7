"""What a training says of its data: what was read, and which role and type each column got."""

from __future__ import annotations

from training.ingest.read import Ingested
from training.ingest.source import shown
from training.progress import Progress
from training.settings import Settings
from training.table import Table


def tell_table(ingested: Ingested, table: Table, settings: Settings, progress: Progress) -> None:
    """Say what was read and decided about the columns."""
    progress.say(f"{len(ingested.frame)} rows and {len(table.columns)} columns from {shown(settings.data.source)}")
    for note in ingested.notes:
        progress.warn(note)
    how = "as its values suggest" if settings.data.task == "auto" else "as set"
    names = ", ".join(map(str, table.classes[:10])) + (", …" if len(table.classes) > 10 else "")
    goal = f"{len(table.classes)} classes: {names}" if table.classes else "a quantity"
    progress.say(f"target   {table.target_name}: {table.task}, {how} ({goal})")
    if table.rows_dropped:
        progress.warn(f"{table.rows_dropped} rows without a '{table.target_name}' are left out")
    for column in table.features:
        kind = f"{column.type}, {len(column.categories)} distinct" if column.type == "category" else column.type
        gaps = int(column.missing.sum())
        how = ", as declared" if column.name in settings.data.types else ""
        progress.say(f"feature  {column.name}: {kind}{how}" + (f", {gaps} gaps" if gaps else ""))
    for name in table.ids:
        progress.say(f"id       {name}: " + ("as declared" if name in settings.data.id else "its name says so"))
    for name in table.aside:
        progress.say(f"aside    {name}: kept, not learnt from")
    if table.timestamp:
        progress.say(f"moment   {table.timestamp}: not learnt from")
    for name in settings.data.ignore:
        progress.say(f"ignored  {name}")
