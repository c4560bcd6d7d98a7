"""A query to a database: any that SQLAlchemy has a driver for; SQLite and PostgreSQL are tested."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from training.data_settings import DataSettings
from training.errors import DataError
from training.ingest.roles import wanted
from training.ingest.source import shown

try:
    import sqlalchemy
    from sqlalchemy import exc
except ModuleNotFoundError as missing:
    raise DataError("a database needs the extra 'data': pip install 'mlplatform[data]', or `make train`") from missing

PASSWORD, PASSWORD_FILE = "DATABASE_PASSWORD", "DATABASE_PASSWORD_FILE"


def read_query(url: str, settings: DataSettings, notes: list[str]) -> pd.DataFrame:
    """The rows of ``settings.sql.query``, sorted: a database promises no order, and equal rows must give equal models.

    Nothing is ever committed, and PostgreSQL is asked for a read-only transaction. Raises DataError with the
    database's first line where it refuses.
    """
    place = shown(url)
    if not settings.sql.query:
        raise DataError(f"{place}: say what to read with --set data.sql.query='…'")
    try:
        engine = sqlalchemy.create_engine(_with_password(url), poolclass=sqlalchemy.NullPool)
        if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").is_file():
            raise DataError(f"{place}: no such database")  # SQLite would make an empty one
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)
            answer = connection.execute(sqlalchemy.text(settings.sql.query))
            if not answer.returns_rows:
                raise DataError(f"{place}: data.sql.query returns no rows; write a select")
            names = list(answer.keys())
            columns = wanted(place, names, settings)
            rows = answer.all()
            positions = [names.index(name) for name in columns]
            frame = pd.DataFrame({name: [row[at] for row in rows] for name, at in zip(columns, positions, strict=True)})
            for name in set(settings.id) & set(columns):  # in a float, as integers with gaps are, long ids are rounded
                at = names.index(name)
                frame[name] = [None if row[at] is None else str(row[at]) for row in rows]
    except ModuleNotFoundError as error:
        raise DataError(f"{place}: the driver {error.name} is not installed") from error
    except exc.NoSuchModuleError as error:
        raise DataError(f"{place}: neither a file's address nor that of a database known to SQLAlchemy") from error
    except (exc.SQLAlchemyError, ValueError) as error:
        reason = str(getattr(error, "orig", None) or error)
        raise DataError(f"{place}: {' '.join(reason.partition(chr(10))[0].split())}") from error
    notes.append("rows are sorted by their values, since a database promises no order")
    return _sorted(frame)


def _with_password(url: str) -> sqlalchemy.URL:
    """The URL with the password of the environment or of the file that it names, if there is one.

    PostgreSQL's own ways (PGPASSWORD, PGPASSFILE) need nothing of this.
    """
    parsed = sqlalchemy.make_url(url)
    password = os.environ.get(PASSWORD)
    file = os.environ.get(PASSWORD_FILE)
    if password is None and file:
        try:
            password = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise DataError(f"{PASSWORD_FILE} {file}: {error.strerror}") from error
    return parsed if password is None else parsed.set(password=password)


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of their values, column by column; gaps last."""

    def key(values: pd.Series) -> pd.Series:
        return values.map(lambda value: None if value is None else str(value)) if values.dtype == object else values

    return frame.sort_values(list(frame.columns), key=key, kind="stable", ignore_index=True)
