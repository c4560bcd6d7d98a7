"""The console: a page for people at ``/``, hand-written and without a build, and the model's report beside it."""

from app.console.routes import add_console

__all__ = ["add_console"]
