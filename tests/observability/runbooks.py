"""The runbooks, and the queries in them."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

DIRECTORY = Path(__file__).resolve().parents[2] / "docs/runbooks"
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in sorted(DIRECTORY.glob("*.md"))}


def queries(text: str) -> list[str]:
    """The PromQL blocks of a page."""
    blocks = re.findall(r"^ *```promql\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block).strip() for block in blocks]


def words(text: str) -> list[str]:
    """What a page writes as code, within a line and as commands."""
    blocks = re.findall(r"^ *```console\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [*re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)), *blocks]
