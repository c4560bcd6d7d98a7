"""What can be made to go wrong in the stand-in cloud: a test arms it, the operation that it selects meets it.

Every fault is armed for operations of one kind (``create``, ``update``, ``delete``, ``read``; empty: all of them), on
resources whose type ends in ``type`` and whose name is ``name`` (empty: any), and skips the first ``nth - 1`` of these.
``after=True`` lets the operation take effect first: the cloud has done it, the engine does not hear of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc


class Refused(Exception):
    """The cloud says no; the engine shows the message."""

    def __init__(self, message: str, code: grpc.StatusCode = grpc.StatusCode.FAILED_PRECONDITION) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Hang:
    """An operation that is held up: ``reached`` is set when it arrives, and it goes on once ``released`` is set."""

    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


@dataclass
class _Fault:
    """One armed fault."""

    operation: str
    type: str
    name: str
    nth: int
    times: int | None
    after: bool
    effect: Callable[[threading.Event], None]
    seen: int = 0

    def meets(self, operation: str, type_: str, name: str, after: bool) -> bool:
        """Whether this operation is one that the fault waits for; counts it."""
        if after != self.after or self.operation not in ("", operation):
            return False
        if not type_.endswith(self.type) or self.name not in ("", name):
            return False
        self.seen += 1
        return self.nth <= self.seen and (self.times is None or self.seen < self.nth + self.times)


class Faults:
    """The armed faults of a cloud; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Fault] = []

    def fail(
        self,
        operation: str = "",
        *,
        type: str = "",
        name: str = "",
        nth: int = 1,
        times: int | None = 1,
        after: bool = False,
        message: str = "the stand-in cloud was told to fail here",
    ) -> None:
        """Make the ``nth`` operation fail, and the ``times - 1`` that follow it (None: all)."""

        def effect(_ended: threading.Event) -> None:
            raise Refused(message, grpc.StatusCode.UNAVAILABLE)

        self._arm(_Fault(operation, type, name, nth, times, after, effect))

    def reject(self, type: str, message: str) -> None:
        """Refuse every create and update of this type, as a quota or a policy of the account does."""

        def effect(_ended: threading.Event) -> None:
            raise Refused(message, grpc.StatusCode.PERMISSION_DENIED)

        for operation in ("create", "update"):
            self._arm(_Fault(operation, type, "", 1, None, False, effect))

    def slow(self, seconds: float, operation: str = "", *, type: str = "", name: str = "") -> None:
        """Make these operations take ``seconds`` longer."""

        def effect(ended: threading.Event) -> None:
            ended.wait(seconds)

        self._arm(_Fault(operation, type, name, 1, None, False, effect))

    def hang(
        self,
        operation: str = "",
        *,
        type: str = "",
        name: str = "",
        nth: int = 1,
        after: bool = False,
    ) -> Hang:
        """Hold the ``nth`` operation up until it is released, cancelled, or its caller is gone (then it has no effect,
        unless ``after``).
        """
        hang = Hang()

        def effect(ended: threading.Event) -> None:
            hang.reached.set()
            while not hang.released.wait(0.05):
                if ended.is_set():
                    raise Refused("the operation was cancelled", grpc.StatusCode.CANCELLED)

        self._arm(_Fault(operation, type, name, nth, 1, after, effect))
        return hang

    def clear(self) -> None:
        """Disarm all; operations that hang go on hanging until they are released."""
        with self._lock:
            self._armed.clear()

    def meet(self, operation: str, type_: str, name: str, ended: threading.Event, *, after: bool = False) -> None:
        """Suffer what is armed for this operation; ``ended`` is set when its caller is gone or cancels.

        Raises Refused when the operation is to fail.
        """
        with self._lock:
            met = [fault for fault in self._armed if fault.meets(operation, type_, name, after)]
        for fault in met:
            fault.effect(ended)

    def _arm(self, fault: _Fault) -> None:
        with self._lock:
            self._armed.append(fault)
