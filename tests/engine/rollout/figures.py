"""What rollouts took and what callers met meanwhile, kept for the table of docs/delivery.md."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

FILE = Path(__file__).parents[3] / "build" / "rollouts.jsonl"
"""A line for each rollout that a run of the tests has carried out."""
DECISIONS = {0: "promoted", 1: "taken back", 2: "stopped", 3: "held"}

Met = Counter[tuple[str, int]]
"""How many requests each release (or version) has answered with each status; 0 is no answer."""


def keep(scenario: str, stack: str, status: int, said: str, seconds: float, met: Met, candidate: str) -> None:
    """Add a rollout that ended with ``status`` after ``seconds``, in which callers met ``met``."""
    figures = {
        "scenario": scenario,
        "stack": stack,
        "decision": DECISIONS[status],
        "steps": [int(share) for share in re.findall(r"watching \S+ at (\d+) %", said)],
        "seconds": round(seconds, 1),
        "sent": met.total(),
        "failed": sum(count for (_, answer), count in met.items() if answer != 200),
        "candidate": sum(count for (of, _), count in met.items() if of == candidate),
    }
    FILE.parent.mkdir(exist_ok=True)
    with FILE.open("a") as file:
        file.write(json.dumps(figures) + "\n")
