"""Cron expressions in the form of EventBridge Scheduler."""

from __future__ import annotations

from components.spec import SpecError, UnsupportedError

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def scheduler_expression(cron: str) -> str:
    """``cron(…)`` of the same times as the five fields of ``cron``.

    The Scheduler counts weekdays from 1, so they are named; it wants a year, and ``?`` for the one of day and weekday
    that is not asked about (docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based; the fields
    and wildcards: docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html). Cron's "this day of the
    month or that weekday" it cannot express.
    """
    minute, hour, day, month, weekday = cron.split()
    if day != "*" and weekday != "*":
        raise UnsupportedError(
            "aws", f"training.schedule '{cron}' (a day of the month or a weekday)", "give only one of the two"
        )
    days = "?" if weekday != "*" else _steps(day, 1)
    weekdays = _weekdays(cron, weekday) if weekday != "*" else "?"
    return f"cron({_steps(minute, 0)} {_steps(hour, 0)} {days} {_steps(month, 1)} {weekdays} *)"


def _steps(field: str, first: int) -> str:
    """Every ``*/n`` of a field with its start written out, as the Scheduler wants it."""
    return ",".join(f"{first}{item[1:]}" if item.startswith("*/") else item for item in field.split(","))


def _weekdays(cron: str, field: str) -> str:
    """The weekdays that a cron field means, by name; 0 and 7 are Sunday."""
    found: set[int] = set()
    for item in field.split(","):
        span, _, step = item.partition("/")
        low, dash, high = span.partition("-")
        try:
            start, end = (0, 6) if span == "*" else (int(low), int(high if dash else low))
            days = range(start, end + 1, int(step or 1))
        except ValueError as error:
            raise SpecError(f"training.schedule is '{cron}': weekday '{item}' is not one; write e.g. 1-5") from error
        if not days or days[-1] > 7:
            raise SpecError(f"training.schedule is '{cron}': weekday '{item}' is not within 0-7; write e.g. 1-5")
        found.update(day % 7 for day in days)
    return ",".join(_DAYS[day] for day in sorted(found))
