"""The way of a release into a stack: what to do next follows from what the stack serves now, and from nothing else.

So a rollout that was broken off goes on where it was, on another machine too, by the same code as one that was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.release import release_id
from delivery.unit import DeliveryError, Unit


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A release as a stack's configuration names it."""

    image: str
    model_version: str
    commit: str

    @property
    def id(self) -> str:
        """The release's id, which /health reports."""
        return release_id(self.model_version, self.image, self.commit)

    @classmethod
    def of(cls, unit: Unit, repository: str | None = None) -> Deployed:
        """A release, its image pulled from ``repository`` if that is not the one it was built for."""
        image = f"{repository}@{unit.digest}" if repository else unit.image
        return cls(image=image, model_version=unit.model_version, commit=unit.commit)

    @property
    def settings(self) -> dict[str, str]:
        """What stands under ``stable`` or ``candidate`` in a stack's file."""
        return {"image": self.image, "modelVersion": self.model_version, "commit": self.commit}


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What a stack serves: two releases and the candidate's share of the traffic in percent."""

    stable: Deployed
    candidate: Deployed | None = None
    weight: int = 0

    def __str__(self) -> str:
        beside = f", {self.candidate.id} at {self.weight} %" if self.candidate else ""
        return f"{self.stable.id}{beside}"


@dataclass(frozen=True)
class Move:
    """The next update: what the stack serves after it, and whether the candidate must be found good before."""

    after: Serving
    judged: bool


def serving(outputs: dict[str, Any]) -> Serving:
    """What a stack's outputs say that it serves; raises DeliveryError for a stack that serves nothing yet."""
    if not outputs.get("release"):
        raise DeliveryError("the stack serves nothing yet to compare a release with; deploy its first one by make up")
    stable = Deployed(image=outputs["image"], model_version=outputs["modelVersion"], commit=outputs["commit"])
    if not outputs.get("candidateRelease"):
        return Serving(stable=stable)
    candidate = Deployed(
        image=outputs["candidateImage"],
        model_version=outputs["candidateModelVersion"],
        commit=outputs["candidateCommit"],
    )
    return Serving(stable=stable, candidate=candidate, weight=int(outputs["candidateWeight"]))


def checked(steps: Sequence[int]) -> tuple[int, ...]:
    """``steps``, which must be shares in percent that grow up to 100; raises DeliveryError."""
    if not steps or steps[0] < 1 or steps[-1] != 100 or list(steps) != sorted(set(steps)):
        given = ",".join(map(str, steps))
        raise DeliveryError(f"--steps {given}: write shares in percent that grow and end at 100, as in 5,25,50,100")
    return tuple(steps)


def next_move(now: Serving, target: Deployed, steps: Sequence[int]) -> Move | None:
    """The next step to ``target`` as the only release that callers meet; None where it is.

    A candidate that has lost its traffic stays, to be looked at; another candidate loses it before it is replaced.
    """
    if now.stable.id == target.id:
        return None if now.weight == 0 else Move(replace(now, weight=0), judged=False)
    if now.candidate is None or now.candidate.id != target.id:
        if now.weight:
            return Move(replace(now, weight=0), judged=False)
        return Move(Serving(stable=now.stable, candidate=target), judged=False)
    if now.weight == 100:
        return Move(Serving(stable=now.candidate), judged=True)
    return Move(replace(now, weight=min(step for step in steps if step > now.weight)), judged=now.weight > 0)


def way_back(now: Serving, previous: Deployed | None) -> Serving | None:
    """What takes ``now`` back: the candidate's traffic if it has any, else ``previous`` in the place of what serves,
    which stays at weight 0, as Azure and Google want it (docs/clouds). None where there is no way back.
    """
    if now.weight:
        return replace(now, weight=0)
    if previous is None or previous.id == now.stable.id:
        return None
    return Serving(stable=previous, candidate=now.stable)
