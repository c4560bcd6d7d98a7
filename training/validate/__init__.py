"""Validate: expectations that the data must meet before a training, kept in a file that people read, edit and commit.

Great Expectations checks them and documents the outcome. It takes seconds to import and belongs to the extra ``data``,
so only ``run``, ``expectations`` and ``docs`` import it, and ``check`` imports these when there is something to check.
"""
