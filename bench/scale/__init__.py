"""How time and memory of a training grow with its rows: real trainings as processes, watched from outside.

Needs Linux: a process's peak of memory is read, and reset after each stage, in ``/proc``.
"""
