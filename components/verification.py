"""Whether what was deployed is what answers: each release is asked at its own address, and must report itself.

docs/adr/0002-verified-rollout.md says why this is a resource and no hook.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any, cast

import pulumi
from pulumi import dynamic

from components import health
from components.contract import Compute
from components.release import Release, Traffic
from components.spec import Environment, VerificationSpec

PAUSE_SECONDS = 2
ANSWER_SECONDS = 10
"""How long one question may take; a replica that starts from zero is asked again."""


class VerificationError(pulumi.RunError):
    """A release that does not answer at its own address; the message says what does."""


class Verification(pulumi.ComponentResource):
    """Asks the stable release and the candidate whenever one of them was deployed, and fails the update with the
    difference: not at the public address, which may mostly answer for the other.

    The difference is kept in the state, so an unchanged update asks again, and so does the way back to the release
    before. Nothing waits for the answers: what watches the service is wanted most when it is not the one asked for.

    Output: ``verified``, the release that answered for ``stable`` and ``candidate``; None where nothing was asked.
    """

    verified: pulumi.Output[dict[str, str]] | None

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: VerificationSpec,
        *,
        traffic: Traffic,
        compute: Compute,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"mlplatform:{environment.cloud}:Verification", name, None, opts)
        self.verified = None
        if spec.enabled:
            asked = {"stable": (traffic.stable, compute.stable_url)}
            if traffic.candidate and compute.candidate_url:
                asked["candidate"] = (traffic.candidate, compute.candidate_url)
            # Every Compute is a ComponentResource, which a protocol cannot say.
            after = pulumi.ResourceOptions(parent=self, depends_on=[cast(pulumi.Resource, compute)])
            checks = [
                ReleaseCheck(
                    f"{name}-{slot}",
                    slot=slot,
                    release=release,
                    address=address,
                    deployed=compute.deployed[slot],
                    deadline_seconds=spec.deadline_seconds,
                    opts=after,
                )
                for slot, (release, address) in asked.items()
            ]
            answers = pulumi.Output.all(
                *[pulumi.Output.all(check.slot, check.release, check.difference) for check in checks]
            )
            self.verified = answers.apply(lambda found: _require_no_difference(found, spec.deadline_seconds))
        else:
            pulumi.warn("verification.enabled is false: nobody asks whether the new release is what answers", self)
        self.register_outputs({"verified": self.verified})


def _require_no_difference(answers: Sequence[Sequence[str]], seconds: int) -> dict[str, str]:
    """Release by slot, when each answered as itself within ``seconds``."""
    if differences := [difference for _, _, difference in answers if difference]:
        raise VerificationError(f"not verified after {seconds} s: {'; '.join(differences)}")
    return {slot: release for slot, release, _ in answers}


class ReleaseCheck(dynamic.Resource, module="mlplatform", name="ReleaseCheck"):
    """The last time that a release was asked for at its own address, and what was different, if anything.

    ``deployed`` names what the cloud runs for it; another one is asked anew.
    """

    slot: pulumi.Output[str]
    release: pulumi.Output[str]
    difference: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        slot: str,
        release: Release,
        address: pulumi.Input[str],
        deployed: pulumi.Input[str],
        deadline_seconds: int,
        opts: pulumi.ResourceOptions,
    ) -> None:
        properties = {
            "slot": slot,
            "release": release.id,
            "modelVersion": release.model_version,
            "address": address,
            "deployed": deployed,
            "deadlineSeconds": deadline_seconds,
            "difference": None,
        }
        super().__init__(Provider(), name, properties, opts)


class Provider(dynamic.ResourceProvider):
    """Asks, and records what it was told.

    The state holds this class by the name of its module, so a new version of this code is no change of a resource;
    a stack that knows the module under this name needs it to refresh and to destroy.
    """

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Ask until the deadline. It does not fail: the program does, once the answer is on record."""
        return dynamic.CreateResult(id_=props["slot"], outs=_asked(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Ask again, as for a new one."""
        return dynamic.UpdateResult(outs=_asked(_news))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """What was deployed anew, or was not verified the last time, is to be asked."""
        keys = ("release", "modelVersion", "address", "deployed")
        changed = any(_olds.get(key) != _news.get(key) for key in keys)
        return dynamic.DiffResult(changes=changed or bool(_olds.get("difference")))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Another release at the address is a drift; a service that this machine cannot reach now is none."""
        try:
            found = difference(props, _report(props, ANSWER_SECONDS))
        except health.NotReadyError:
            found = props["difference"]
        return dynamic.ReadResult(id_=id_, outs={**props, "difference": found})


def _asked(props: dict[str, Any]) -> dict[str, Any]:
    """The resource's state after the release was asked for until it answered or the time was over."""
    seconds = int(props["deadlineSeconds"])
    end = time.monotonic() + seconds
    told = ""
    while True:
        left = max(1.0, end - time.monotonic())
        try:
            found = difference(props, _report(props, min(ANSWER_SECONDS, left)))
        except health.NotReadyError as error:
            found = f"{_question(props)}, but {error}"
        if not found or time.monotonic() + PAUSE_SECONDS >= end:
            return {**props, "difference": found}
        if found != told:
            print(f"{found}; asking for {seconds} s", flush=True)  # the engine shows it
            told = found
        time.sleep(PAUSE_SECONDS)


def _report(props: dict[str, Any], timeout: float) -> health.Report:
    """What the release's address answers."""
    return health.ask(props["address"], token=os.environ.get(health.TOKEN), timeout=timeout)


def difference(props: dict[str, Any], found: health.Report) -> str:
    """What is wrong with the answer; empty when it is the one asked for."""
    if (found.release, found.model_version) == (props["release"], props["modelVersion"]):
        return ""
    if found.release == props["release"]:
        loaded = f"it has loaded model version {found.model_version}, not {props['modelVersion']}"
        return f"{_question(props)}, but {loaded}: the release names a model that is not in its image"
    return f"{_question(props)}, but it answers release {found.release} (model version {found.model_version})"


def _question(props: dict[str, Any]) -> str:
    """What was asked for, and where."""
    return f"{props['slot']}: asked for release {props['release']} at {props['address']}"
