"""Where a server stands between start and end; what /health reports and the connections are told."""

from __future__ import annotations


class Phase:
    """Two facts about one process: ``ready`` once it serves a proven model, ``draining`` once it was told to stop."""

    def __init__(self) -> None:
        self.ready = False
        self.draining = False
