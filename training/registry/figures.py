"""The report's plots as image files, for the registry's pages, which show no page of ours."""

from __future__ import annotations

import re
from pathlib import Path

# On the report's page the colours follow the reader's theme; a file of its own has a white ground.
_COLOURS = {"currentColor": "#1f2328", "var(--accent)": "#0969da", "var(--line)": "#d0d7de", "var(--text)": "#1f2328"}


def write_figures(report: str, directory: Path) -> None:
    """Write each plot of the page ``report`` as ``01-<its name>.svg`` into ``directory``, in the page's order."""
    directory.mkdir()
    for number, figure in enumerate(re.findall(r"<svg\b.*?</svg>", report, re.DOTALL), start=1):
        label = re.search(r'aria-label="([^".:,]*)', figure)
        name = re.sub(r"[^a-z0-9]+", "-", label[1].lower() if label else "").strip("-")[:60]
        for variable, colour in _COLOURS.items():
            figure = figure.replace(variable, colour)
        (directory / f"{number:02}-{name}.svg").write_text(figure, encoding="utf-8")
