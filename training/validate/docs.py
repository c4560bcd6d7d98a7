"""Data Docs: Great Expectations' page on a validation, as one file that loads nothing from anywhere."""

from __future__ import annotations

import copy
import html
import re
from typing import Any

from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view.view import DefaultJinjaSectionView

# Great Expectations' own page takes style sheets and scripts from six content networks. Its sections stand here in a
# page that forbids both, and looks like the model's report.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --line: light-dark(#d5dae1, #39414d); --soft: light-dark(#57606a, #9aa4b2); }}
body {{ margin: 0 auto; max-width: 70rem; padding: 2rem 1.25rem 4rem; font: 16px/1.5 system-ui, sans-serif;
  background: light-dark(#ffffff, #14171c); color: light-dark(#1b1f24, #e6e9ee); }}
h1 {{ font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; overflow-wrap: anywhere; }}
h2, h3, h4, h5 {{ font-size: 1.1rem; margin: 2rem 0 .5rem; padding-bottom: .3rem;
  border-bottom: 1px solid var(--line); }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ padding: .35rem .8rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }}
th {{ color: var(--soft); font-weight: 500; }}
td {{ overflow-wrap: anywhere; }}
.badge, code {{ font: .85em ui-monospace, monospace; }}
.fa-check-circle::before, .fa-check::before {{ content: "✓"; }}
.fa-times::before {{ content: "✗"; }}
.fa-exclamation-triangle::before {{ content: "!"; }}
.fas {{ font-style: normal; font-weight: 700; }}
.text-success {{ color: light-dark(#1a7f37, #56d364); }}
.text-danger, .text-failed {{ color: light-dark(#cf222e, #ff7b72); }}
</style>
</head>
<body>
<h1>{title}</h1>
{sections}
</body>
</html>
"""
_SCRIPTS = re.compile(r"<script\b.*?</script>", re.DOTALL | re.IGNORECASE)
_LINKS = re.compile(r"</?a\b[^>]*>", re.IGNORECASE)  # to pages of a site that is not made


def render(result: Any, title: str) -> bytes:
    """The page as UTF-8 for a result of ``training.validate.run``; it quotes rows, so it is as confidential as they."""
    document = ValidationResultsPageRenderer(run_info_at_end=True).render(_escaped(result))
    view = DefaultJinjaSectionView()
    sections = [
        view.render({"section": section.to_json_dict(), "section_loop": {"index": index, "length": 0}})
        for index, section in enumerate(document.sections, start=1)
    ]
    content = _LINKS.sub("", _SCRIPTS.sub("", "\n".join(sections)))
    return _PAGE.format(title=html.escape(title), sections=content).encode()


def _escaped(result: Any) -> Any:
    """A copy of the result whose texts are no markup: what stands in the data and the file is not escaped later."""
    safe = copy.deepcopy(result)
    for each in safe.results:
        each.result = _escape(each.result)
        each.expectation_config.kwargs = _escape(each.expectation_config.kwargs)
    return safe


def _escape(value: Any) -> Any:
    """Every text in nested lists and dicts, escaped."""
    if isinstance(value, str):
        return html.escape(value)
    if isinstance(value, dict):
        return {key: _escape(each) for key, each in value.items()}
    return [_escape(each) for each in value] if isinstance(value, list | tuple) else value
