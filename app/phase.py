"""Where a server stands between start and end; what /health reports and the connections are told."""

from __future__ import annotations

from app.errors import NotReady


class Phase:
    """Two facts about one process: ``ready`` once it serves a proven model, ``draining`` once it was told to stop."""

    def __init__(self) -> None:
        self.ready = False
        self.draining = False

    def check_ready(self) -> None:
        """Raise NotReady unless traffic may come."""
        if self.draining:
            raise NotReady("the server is shutting down")
        if not self.ready:
            raise NotReady("the server is starting")
