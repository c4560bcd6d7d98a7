"""Benchmarks: this service, the design it replaces, what the machine can do, and other servers, in one session.

Nothing imports this package; it reads models through `training` and `app.artifact`, and everything it measures runs in
a process of its own. Needs Linux: processes are pinned to cores and their memory is read from ``/proc``.
"""
