"""Verification: what it finds out from real servers, with every fault, and what becomes of the answer."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, cast

import pulumi
import pytest
from pulumi.dynamic.dynamic import serialize_provider

from components import health, verification
from components.release import Release, Traffic
from components.spec import Environment, SpecError, VerificationSpec
from components.verification import Provider, Verification
from tests.components.harness import Run, run
from tests.engine.data_plane import DataPlane

MODEL, OLD_MODEL = "a" * 16, "b" * 16
RELEASE, OLD = f"{MODEL}-{'1' * 12}-{'2' * 7}", f"{OLD_MODEL}-{'3' * 12}-{'4' * 7}"
HOST = "stable---service.example.com"
KIND = "pulumi-python:dynamic/mlplatform:ReleaseCheck"


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> Iterator[DataPlane]:
    """The internet, with a service at HOST that is the release asked for unless told otherwise."""
    monkeypatch.delenv(health.TOKEN, raising=False)
    monkeypatch.setattr(verification, "PAUSE_SECONDS", 0.05)
    with DataPlane(lambda host, _: RELEASE if host == HOST else None) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


def asked(address: str = f"https://{HOST}", deadline: int = 1, **changed: Any) -> dict[str, Any]:
    """What the resource is given."""
    return {
        "slot": "stable",
        "release": RELEASE,
        "modelVersion": MODEL,
        "address": address,
        "deployed": "revision-1",
        "deadlineSeconds": deadline,
        **changed,
    }


def difference(**properties: Any) -> str:
    """What is recorded after the release was asked for."""
    outputs = Provider().create(asked(**properties)).outs
    assert outputs is not None
    return outputs["difference"]


@pytest.mark.usefixtures("plane")
@pytest.mark.parametrize("address", [f"https://{HOST}", f"https://{HOST}:8443", f"http://{HOST}:8443"])
def test_the_release_that_was_asked_for_leaves_no_difference(address: str) -> None:
    assert difference(address=address) == ""


def test_another_release_is_named_beside_the_one_asked_for_and_the_address(plane: DataPlane) -> None:
    plane.answers(release=OLD)
    assert difference() == (
        f"stable: asked for release {RELEASE} at https://{HOST}, "
        f"but it answers release {OLD} (model version {OLD_MODEL})"
    )


@pytest.mark.parametrize("fault", [{"release": OLD}, {"status": 503}, {"nothing": True}], ids=str)
def test_a_service_that_becomes_right_before_the_deadline_is_verified(plane: DataPlane, fault: dict[str, Any]) -> None:
    plane.answers(**fault, lasting=0.5)
    assert difference(deadline=30) == ""
    assert len(plane.asked) > 1


def test_a_slow_answer_within_the_deadline_is_an_answer(plane: DataPlane) -> None:
    plane.answers(delay=0.5)
    assert difference(deadline=30) == ""


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ({"status": 503}, "it answers 503 Service Unavailable: "),
        ({"status": 503}, "the server is starting"),
        ({"nothing": True}, "no answer: Remote end closed connection without response (through the proxy 127.0.0.1)"),
        ({"delay": 5}, "it does not answer in time, or this machine may not reach it (through the proxy 127.0.0.1)"),
    ],
    ids=str,
)
def test_what_came_in_place_of_a_report_is_said(plane: DataPlane, fault: dict[str, Any], found: str) -> None:
    plane.answers(**fault)
    assert found in difference()


@pytest.mark.usefixtures("plane")
def test_a_host_that_the_proxy_cannot_reach_is_said_with_the_proxy() -> None:
    found = difference(address="https://elsewhere.example.com")
    assert "502 no service at elsewhere.example.com:443 (through the proxy 127.0.0.1)" in found


@pytest.mark.usefixtures("plane")
def test_a_port_where_nothing_listens_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = difference(address=f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert found.endswith("no answer: [Errno 111] Connection refused")


@pytest.mark.usefixtures("plane")
def test_a_certificate_that_nobody_trusts_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "its certificate is not trusted: " in difference()


def test_a_model_that_is_not_the_releases_own_is_found_out() -> None:
    found = health.Report(RELEASE, OLD_MODEL)
    assert f"it has loaded model version {OLD_MODEL}, not {MODEL}" in verification.difference(asked(), found)


def test_a_token_is_asked_for_where_one_is_wanted(plane: DataPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.answers(token="right")
    assert "401 Unauthorized: put a bearer token into VERIFICATION_TOKEN" in difference()
    monkeypatch.setenv(health.TOKEN, "wrong")
    assert "401 Unauthorized: the token in VERIFICATION_TOKEN is not accepted" in difference()
    monkeypatch.setenv(health.TOKEN, "right")
    outputs = Provider().create(asked()).outs
    assert outputs == {**asked(), "difference": ""}, "the token must not be recorded"


def test_the_token_is_not_sent_in_plain_text(plane: DataPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.answers(token="right")
    monkeypatch.setenv(health.TOKEN, "right")
    assert "only over https" in difference(address=f"http://{HOST}:8443")


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    """A web server that is not the service."""
    with Stranger() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Stranger(HTTPServer):
    """Answers every path with a page, and with a redirect when told to; ``shown`` lists the paths."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.redirects = False
        super().__init__(("127.0.0.1", 0), _Page)

    @property
    def address(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        stranger = cast(Stranger, self.server)
        stranger.shown.append(self.path)
        self.send_response(302 if stranger.redirects else 200)
        self.send_header("Location", f"{stranger.address}/login?state=secret")
        self.end_headers()
        self.wfile.write(b"<html>Please\nlog in</html>")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.mark.usefixtures("plane")
def test_a_page_is_no_report(stranger: Stranger) -> None:
    found = difference(address=stranger.address)
    assert found.endswith("another service stands there: <html>Please log in</html>")


@pytest.mark.usefixtures("plane")
def test_a_redirect_is_named_and_not_followed(stranger: Stranger) -> None:
    stranger.redirects = True
    found = difference(address=stranger.address)
    assert found.endswith(f"it answers 302 Found, a redirect to {stranger.address}/login")
    assert set(stranger.shown) == {"/health"}


def changes(**changed: Any) -> bool | None:
    """Whether a resource that was verified, or not, would be asked again."""
    return Provider().diff("stable", {**asked(), "difference": changed.pop("difference", "")}, asked(**changed)).changes


def test_only_what_was_deployed_anew_or_not_verified_is_asked_again() -> None:
    assert not changes()
    assert not changes(deadline=600)
    assert changes(release=OLD)
    assert changes(deployed="revision-2")
    assert changes(address="https://stable---renamed.example.com")
    assert changes(difference="it answered another release")


def read(before: str) -> str:
    """The difference that a refresh finds."""
    outputs = Provider().read("stable", {**asked(), "difference": before}).outs
    assert outputs is not None
    return outputs["difference"]


def test_a_refresh_sees_a_service_that_was_changed_by_hand(plane: DataPlane) -> None:
    assert read("") == ""
    plane.answers(release=OLD)
    assert f"it answers release {OLD}" in read("")


@pytest.mark.parametrize("fault", [{"status": 503}, {"nothing": True}, {"token": "unknown here"}], ids=str)
def test_a_refresh_from_where_the_service_cannot_be_asked_changes_nothing(
    plane: DataPlane, fault: dict[str, Any]
) -> None:
    plane.answers(**fault)
    assert read("") == ""
    assert read("as before") == "as before"


def test_the_state_names_the_code_and_does_not_hold_it() -> None:
    pickled = base64.b64decode(serialize_provider(Provider()))
    assert b"components.verification" in pickled
    assert len(pickled) < 100, "a copy of the code would make every change of it a change of every stack"
    assert not Provider.serialize_as_secret_always


class Service(pulumi.ComponentResource):
    """A Compute that costs nothing."""

    def __init__(self) -> None:
        super().__init__("mlplatform:local:Compute", "compute")
        self.url = pulumi.Output.from_input("https://public.example.com")
        self.stable_url = pulumi.Output.from_input("https://stable.example.com")
        self.candidate_url = pulumi.Output.from_input("https://candidate.example.com")
        self.deployed = {slot: pulumi.Output.from_input(f"{slot}-1") for slot in ("stable", "candidate")}
        self.identity = pulumi.Output.from_input("nobody")


def verified(differences: Mapping[str, str], *, preview: bool = False, enabled: bool = True) -> Run:
    """Run a program with both releases, whose checks record ``differences`` by slot."""
    stable = Release(model_version=MODEL, image=f"sha256:{'1' * 64}", commit="2" * 7)
    candidate = Release(model_version=OLD_MODEL, image=f"sha256:{'3' * 64}", commit="4" * 7)

    def program() -> dict[str, Any]:
        made = Verification(
            "verification",
            Environment(cloud="local", tier="dev", project="mlplatform", stack="dev"),
            VerificationSpec(enabled=enabled, deadline_seconds=7),
            traffic=Traffic(stable=stable, candidate=candidate),
            compute=Service(),
        )
        return {"verified": made.verified}

    def outputs(type_: str, _name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {"difference": differences.get(inputs["slot"], "")} if type_ == KIND else {}

    return run(program, preview=preview, outputs=outputs)


def test_each_release_is_asked_at_its_own_address_and_exported_once_verified() -> None:
    found = verified({})
    addresses = {check.inputs["slot"]: check.inputs["address"] for check in found.of(KIND)}
    assert addresses == {"stable": "https://stable.example.com", "candidate": "https://candidate.example.com"}
    assert found.outputs["verified"] == {"stable": RELEASE, "candidate": OLD}


def test_the_update_fails_with_all_differences_in_one_line() -> None:
    with pytest.raises(pulumi.RunError, match=r"^not verified after 7 s: stable: 503; candidate: silence$"):
        verified({"stable": "stable: 503", "candidate": "candidate: silence"})
    with pytest.raises(pulumi.RunError, match=r"^not verified after 7 s: candidate: silence$"):
        verified({"candidate": "candidate: silence"})


def test_a_preview_asks_nobody_and_knows_no_answer() -> None:
    assert len(verified({"stable": "as recorded"}, preview=True).of(KIND)) == 2


def test_doing_without_is_said_aloud() -> None:
    found = verified({}, enabled=False)
    assert KIND not in {resource.type for resource in found.resources}
    assert found.outputs.get("verified") is None
    assert any("nobody asks whether" in message for message in found.messages)


def test_a_deadline_out_of_bounds_is_refused() -> None:
    with pytest.raises(SpecError, match=r"verification\.deadlineSeconds is 0"):
        VerificationSpec(deadline_seconds=0)
