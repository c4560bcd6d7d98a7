"""Ingest: a table from a file, a folder, a database, an object store, a web server or an earlier snapshot.

``read.read`` gives the same whatever the source: a DataFrame with the columns that have a role, each under a name of
its own, and what was decided or repaired on the way. What could be read by guessing alone is a DataError that names the
place.
"""
