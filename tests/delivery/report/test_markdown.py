"""A comment is never too long, and nothing from outside comes alive in it."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from delivery.report.markdown import LIMIT, LONGEST, NOTHING, Section, Table, code, render

PARSER = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table")
OUTSIDE = st.text(st.characters(codec="utf-8"), max_size=300) | st.text("`|\\*_<>@#&;:/.[]()!~ \n\tab", max_size=300)


def flat(tokens: list[Token]) -> list[Token]:
    """All tokens, those within lines too."""
    return [each for token in tokens for each in [token, *(flat(token.children) if token.children else [])]]


def cells(markdown: str) -> list[list[Token]]:
    """The inline tokens of every cell of the tables in it."""
    tokens = PARSER.parse(markdown)
    return [
        tokens[index + 1].children or [] for index, token in enumerate(tokens) if token.type in ("td_open", "th_open")
    ]


@settings(deadline=None)
@given(OUTSIDE)
@example("`")
@example("a\\|b")
@example("</code><img src=x onerror=alert(1)>")
@example("@everyone #1 https://example.com GH-1")
@example("x\u202etxt.exe")
def test_a_text_from_outside_is_one_piece_of_code_in_its_cell(text: str) -> None:
    found = cells(Table(["a", "b"], [[code(text), "end"]]).text(1))
    assert len(found) == 4
    [cell] = found[2:3]
    if code(text) == NOTHING:
        return
    assert [token.type for token in cell] == ["code_inline"]
    assert len(cell[0].content) <= LONGEST
    shown = " ".join("".join(each if each.isprintable() else " " for each in text).split()).replace("|", "¦")
    assert cell[0].content == (shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…")


def table(width: int, rows: int, text: str) -> Table:
    """A table of equal cells."""
    return Table(["head"] * width, [[code(f"{text}{row}")] * width for row in range(rows)])


TABLES = st.builds(table, st.integers(1, 5), st.integers(0, 3000), OUTSIDE)
PARTS = st.lists(TABLES | OUTSIDE.map(code), max_size=6)
SECTIONS = st.lists(st.builds(Section, st.just("Title"), PARTS), max_size=4)


@settings(max_examples=25, deadline=None)
@given(SECTIONS)
def test_a_comment_is_never_too_long_in_bytes_or_characters(sections: list[Section]) -> None:
    text = render(sections)
    assert len(text) <= len(text.encode()) <= LIMIT < 65_536


def test_as_many_rows_are_shown_as_fit_and_the_others_counted() -> None:
    rows = [[code(f"row {number} " + "x" * 80)] for number in range(5000)]
    text = render([Section("Long", [Table(["row"], rows)]), Section("Short", [Table(["row"], [["kept"]])])])
    assert LIMIT - 200 < len(text.encode()) <= LIMIT
    shown = text.count("`row ")
    assert f"… and {5000 - shown:,} more." in text
    assert "`row 0 " in text, "the first rows are the important ones"
    assert "| kept |" in text
    assert "more" not in render([Section("Short", [Table(["row"], rows[:10])])])


def test_headings_alone_that_do_not_fit_are_cut_and_the_comment_says_so() -> None:
    text = render([Section(f"Stack {number}", [code("x" * 190)]) for number in range(1000)])
    assert text.startswith("## Stack 0\n")
    assert text.endswith("the rest did not fit into a comment.\n")
    assert LIMIT - 1000 < len(text.encode()) <= LIMIT


def test_every_row_of_a_table_has_the_cells_of_its_head() -> None:
    table = Table(["a", "b"], [[code("1"), code("")], [code("2"), code("|")]]).text(2)
    assert [token.type for token in flat(PARSER.parse(table))].count("tr_open") == 3
    assert len(cells(table)) == 6
