"""The stand-in cloud itself: what exists, what was done to it, and what it refuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc

from engine.standin import references
from engine.standin.faults import Faults, Refused

Key = tuple[str, str]
"""(type token, id)"""


@dataclass(eq=False)
class Record:
    """A resource that exists. ``inputs`` and ``outputs`` are plain values, secrets included, as a cloud holds them."""

    urn: str
    id: str
    seed: str
    """What the cloud's own choices (ids, addresses) are derived from."""
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    history: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """The inputs of every create and update, oldest first."""

    @property
    def type(self) -> str:
        """The type token."""
        return type_of(self.urn)

    @property
    def name(self) -> str:
        """The name in the program."""
        return name_of(self.urn)

    @property
    def package(self) -> str:
        """The provider's package."""
        return self.type.partition(":")[0]

    def change(self, **values: Any) -> None:
        """Change properties behind Pulumi's back, as somebody in the cloud's console does."""
        self.inputs |= values
        self.outputs |= values


@dataclass(frozen=True)
class Operation:
    """Something that was done; ``time`` is in seconds, monotonic."""

    method: str
    urn: str
    time: float

    @property
    def type(self) -> str:
        """The type token."""
        return type_of(self.urn)

    @property
    def name(self) -> str:
        """The name in the program."""
        return name_of(self.urn)


class Cloud:
    """Resources in memory, for any number of stacks and providers; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.resources: dict[Key, Record] = {}
        self.operations: list[Operation] = []
        self.faults = Faults()
        self.outside: set[str] = set()
        """Ids and ARNs of what exists without Pulumi and may be referred to."""

    def __getitem__(self, urn: str) -> Record:
        """The resource with this URN; the newer one while a replaced one still exists."""
        found = [record for record in self if record.urn == urn]
        if not found:
            raise KeyError(f"the cloud has no {urn}")
        return found[-1]

    def __iter__(self) -> Iterator[Record]:
        with self._lock:
            return iter(list(self.resources.values()))

    def __len__(self) -> int:
        return len(self.resources)

    def of(self, type_: str) -> list[Record]:
        """The resources whose type token ends in ``type_``."""
        return [record for record in self if record.type.endswith(type_)]

    def stack(self, name: str) -> list[Record]:
        """The resources of a stack."""
        return [record for record in self if record.urn.startswith(f"urn:pulumi:{name}::")]

    def remove(self, record: Record) -> None:
        """Remove a resource behind Pulumi's back."""
        with self._lock:
            del self.resources[record.type, record.id]

    def find(self, urn: str, id_: str) -> Record | None:
        """The resource that the engine knows by this id, if it exists."""
        with self._lock:
            return self.resources.get((type_of(urn), id_))

    def create(self, record: Record) -> None:
        """Add a resource.

        Raises Refused when its name is taken, or when an input refers to something that does not exist.
        """
        with self._lock:
            references.check_name(record, self)
            references.check_references(record, self, self.outside)
            self.resources[record.type, record.id] = record
            self._did("create", record.urn)
            record.history.append(record.inputs)

    def update(self, urn: str, id_: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Change a resource. Raises Refused when it does not exist, or refers to something that does not."""
        with self._lock:
            record = self.existing(urn, id_)
            changed = Record(urn, id_, record.seed, inputs, outputs)
            references.check_references(changed, self, self.outside)
            record.urn, record.inputs, record.outputs = urn, inputs, outputs
            record.history.append(inputs)
            self._did("update", urn)

    def delete(self, urn: str, id_: str) -> None:
        """Remove a resource; one that is gone already is no error, as with the real providers.

        Raises Refused when the cloud itself protects it.
        """
        with self._lock:
            record = self.find(urn, id_)
            if record is not None:
                references.check_deletion(record, self)
                self.remove(record)
            self._did("delete", urn)

    def existing(self, urn: str, id_: str) -> Record:
        """The resource that the engine knows by this id. Raises Refused when it does not exist."""
        record = self.find(urn, id_)
        if record is None:
            raise Refused(f"{type_of(urn)} '{id_}' does not exist", grpc.StatusCode.NOT_FOUND)
        return record

    def _did(self, method: str, urn: str) -> None:
        self.operations.append(Operation(method, urn, time.monotonic()))


def type_of(urn: str) -> str:
    """The type token of a URN (``urn:pulumi:stack::project::parent$type::name``)."""
    return urn.split("::", 3)[2].rpartition("$")[2]


def name_of(urn: str) -> str:
    """The name of a URN."""
    return urn.split("::", 3)[3]
