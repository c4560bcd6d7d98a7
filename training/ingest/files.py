"""Files wherever they are: on this machine and in object stores through fsspec, on web servers by obstore itself."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
from obstore.exceptions import BaseError
from obstore.fsspec import FsspecStore
from obstore.store import HTTPStore

from training.data_settings import RemoteSettings
from training.errors import DataError
from training.ingest.source import Source, shown


@dataclass(frozen=True)
class Place:
    """A file or folder that is there: ``name`` to call it by, and ``path`` in ``filesystem`` (None on a web server)."""

    name: str
    filesystem: Any
    path: str
    settings: RemoteSettings

    @property
    def is_folder(self) -> bool:
        """Whether files stand below it; a web server has no folders."""
        return self.filesystem is not None and bool(self.filesystem.isdir(self.path))

    @property
    def is_local(self) -> bool:
        """Whether it can be opened by its path."""
        return self.filesystem is not None and "file" in _protocols(self.filesystem)

    @contextmanager
    def open(self) -> Generator[BinaryIO]:
        """The file as a stream that can be sought in; what is not on this machine is fetched as a whole."""
        with self.readable_errors():
            if self.is_local:
                with Path(self.path).open("rb") as stream:
                    yield stream
            else:
                content = self._fetch() if self.filesystem is None else self.filesystem.cat_file(self.path)
                yield io.BytesIO(content)

    @contextmanager
    def readable_errors(self) -> Generator[None]:
        """One line that names the place, instead of a library's report of many."""
        try:
            yield
        except FileNotFoundError as error:
            raise DataError(f"{self.name}: no such file") from error
        except (BaseError, OSError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or str(error).partition("\n")[0]
            raise DataError(f"{self.name}: {reason.replace(self.path, self.name)}") from error

    def _fetch(self) -> bytes:
        """The answer of a web server; a token in the address goes to it and is shown nowhere."""
        store = HTTPStore.from_url(self.path, client_options=_client(self.settings))
        return bytes(store.get("").bytes())


def locate(source: Source, settings: RemoteSettings) -> Place:
    """The place of a source of kind file, store or web.

    Credentials of object stores are those of the environment. Raises DataError where there is nothing at a path.
    """
    name = shown(source.location)
    if source.kind == "web":
        return Place(name, None, source.location, settings)
    filesystem: Any
    if source.kind == "store":
        protocol: Any = source.scheme
        filesystem = FsspecStore(protocol, client_options=_client(settings))
    else:
        filesystem = fsspec.filesystem(source.scheme or "file")
    if source.kind == "store":  # whose own way to drop the scheme keeps it
        path = source.location.partition("://")[2].rstrip("/")
    else:
        path = filesystem._strip_protocol(source.location)
    place = Place(name, filesystem, path, settings)
    with place.readable_errors():
        if source.kind == "file" and not filesystem.exists(path):
            raise DataError(f"{name}: no such file")
    return place


def _client(settings: RemoteSettings) -> Any:
    """obstore's options of a connection."""
    return {"timeout": f"{settings.timeout_seconds}s", "allow_http": True}


def _protocols(filesystem: Any) -> tuple[str, ...]:
    protocol: str | tuple[str, ...] = filesystem.protocol
    return (protocol,) if isinstance(protocol, str) else protocol
