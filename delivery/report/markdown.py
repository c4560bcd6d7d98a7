"""Markdown that stays below GitHub's limit and shows what comes from outside as the text that it is.

GitHub refuses a comment that is too long with "Body is too long (maximum is 65536 characters)". Whether it counts
characters or bytes has been measured differently; bytes of UTF-8 are counted here, of which there are never fewer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LIMIT = 65_535
"""The longest comment, in bytes."""
LONGEST = 200
"""The longest text from outside, in characters; what is longer ends in an ellipsis."""
NOTHING = "—"
_CUT = "\n\n… the rest did not fit into a comment.\n"


def code(text: str) -> str:
    """``text`` as code in one line: nothing in it is Markdown, HTML, a link, a mention or a reference.

    A bar would end a table's cell, and no backslash is sure to prevent it, so it is shown as a broken one.
    """
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    line = line.replace("|", "¦")
    if not line:
        return NOTHING
    if len(line) > LONGEST:
        line = line[: LONGEST - 1] + "…"
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    # A space within the fences is not shown (CommonMark 6.1) and parts them from what they enclose.
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


@dataclass(frozen=True)
class Table:
    """Rows of cells that are Markdown already, the most important first: the last ones give way where room is short."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self, most: int) -> str:
        """The table with ``most`` rows at most, and how many were left out."""
        lines = [_row(self.head), _row(["---"] * len(self.head)), *(_row(row) for row in self.rows[:most])]
        left = len(self.rows) - most
        return "\n".join(lines) + (f"\n\n… and {left:,} more." if left > 0 else "")


@dataclass(frozen=True)
class Section:
    """A heading, then paragraphs and tables in the order given."""

    title: str
    parts: Sequence[str | Table]

    def blocks(self, most: int) -> list[str]:
        """The Markdown of each part, every table with ``most`` rows at most."""
        return [f"## {self.title}", *(part.text(most) if isinstance(part, Table) else part for part in self.parts)]


def render(sections: Sequence[Section]) -> str:
    """The sections as one comment of at most ``LIMIT`` bytes, with as many rows of each table as fit."""
    longest = max((len(part.rows) for each in sections for part in each.parts if isinstance(part, Table)), default=0)
    fitting, too_many = 0, longest + 1
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        fitting, too_many = (middle, too_many) if _size(_join(sections, middle)) <= LIMIT else (fitting, middle)
    whole = _join(sections, fitting)
    return whole if _size(whole) <= LIMIT else _first_blocks(sections)


def _first_blocks(sections: Sequence[Section]) -> str:
    """What fits of the blocks without any rows, for a change so large that even its headings do not."""
    text = ""
    for block in (block for section in sections for block in section.blocks(0)):
        if _size(text) + _size(block) + _size(_CUT) + 2 > LIMIT:
            break
        text += ("\n\n" if text else "") + block
    return text + _CUT


def _join(sections: Sequence[Section], most: int) -> str:
    return "\n\n".join(block for section in sections for block in section.blocks(most)) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _size(text: str) -> int:
    return len(text.encode())
