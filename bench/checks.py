"""Before anything is timed: does the server say what scikit-learn says?"""

from __future__ import annotations

import http.client

from bench.formats import Format, indices
from bench.models import Model

SINGLE_ROWS_STEP = 8
"""Every so manieth row is also asked alone; all are asked in batches. The slowest servers take 10 ms for a row."""
_TIMEOUT_SECONDS = 60


class WrongAnswers(Exception):
    """A server whose answers cannot be used; the message says what it answered."""


def check(port: int, form: Format, model: Model, row_counts: tuple[int, ...]) -> int:
    """Ask for the labels of the model's rows in every size and compare them; how many were compared.

    Raises WrongAnswers where a label differs or a request is not answered with 200.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    compared = 0
    try:
        for rows in row_counts:
            step = SINGLE_ROWS_STEP if rows == 1 else rows
            for start in range(0, len(model.rows), step):
                stop = start + rows
                found = _ask(connection, form, model, start, stop)
                expected = model.labels[start:stop].tolist()
                if found != expected:
                    wrong = sum(one != other for one, other in zip(found, expected, strict=False))
                    raise WrongAnswers(
                        f"{form.name}, {rows} rows: {wrong or 'missing'} labels differ from scikit-learn's in rows"
                        f" {start} to {stop - 1}"
                    )
                compared += len(expected)
    except (OSError, http.client.HTTPException) as error:
        raise WrongAnswers(f"{form.name}: the connection broke ({error!r})") from error
    finally:
        connection.close()
    return compared


def _ask(connection: http.client.HTTPConnection, form: Format, model: Model, start: int, stop: int) -> list[int]:
    """The labels of rows ``start`` to ``stop``, as indices into the model's classes."""
    rows = model.rows[start:stop]
    body, extra = form.encode(model, rows)
    connection.request("POST", form.path(model.name, len(rows)), body, form.headers | extra)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise WrongAnswers(f"{form.name}: answered {answer.status}: {content[:200].decode(errors='replace')}")
    return indices(form.labels(content), model)
