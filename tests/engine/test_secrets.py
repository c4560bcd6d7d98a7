"""No secret of the configuration is found where people look: the state, the preview, the logs, the images."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from tests.engine.conftest import PASSPHRASE, Deploy
from tests.engine.driver import Deployment, Outcome

pytestmark = pytest.mark.engine

SECRETS = {
    "hook": "https://hooks.example.org/6f1e-a-secret-webhook",
    "pager": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "genie": "11111111-feed-4bee-8bad-222222222222",
}
RECEIVERS = [
    {"name": "hook", "kind": "webhook", "secret": "hook"},
    {"name": "pager", "kind": "pagerduty", "secret": "pager", "severities": ["page"]},
    {"name": "genie", "kind": "opsgenie", "secret": "genie", "severities": ["ticket"]},
]
# From level 9 on the engine itself writes what it sends to a provider, secrets included: docs/clouds.md warns of it.
EVERYTHING = ("--verbose", "8", "--logtostderr", "--logflow", "--debug")


@pytest.fixture(scope="module", params=("azure-dev", "aws-dev", "gcp-dev"))
def stack(request: pytest.FixtureRequest, deployment: Deploy) -> Deployment:
    """A stack with a secret of every kind, not deployed yet."""
    made = deployment(request.param, config={"receivers": RECEIVERS})
    for key, value in SECRETS.items():
        made.set_secret(key, value)
    return made


@pytest.fixture(scope="module")
def update(stack: Deployment) -> Outcome:
    """Its first update, with every log switched on."""
    outcome = stack.up(*EVERYTHING)
    assert outcome.succeeded, outcome.messages
    return outcome


def revealed(text: str) -> set[str]:
    """The names of the secrets that ``text`` holds, plainly or encoded."""
    found: set[str] = set()
    for name, value in {**SECRETS, "passphrase": PASSPHRASE}.items():
        encoded = base64.b64encode(value.encode()).decode().rstrip("=")
        if any(form in text for form in (value, encoded, quote(value, safe=""), json.dumps(value)[1:-1])):
            found.add(name)
    return found


def test_the_secrets_reach_the_cloud(stack: Deployment, update: Outcome) -> None:
    assert update.succeeded
    held = json.dumps([record.inputs for record in stack.cloud])
    assert revealed(held) == set(SECRETS)


def test_no_secret_stands_in_the_exported_state(stack: Deployment, update: Outcome) -> None:
    assert update.succeeded
    assert revealed(json.dumps(stack.export())) == set()


def test_no_secret_stands_in_the_files_of_the_backend_and_of_the_stack(stack: Deployment, update: Outcome) -> None:
    assert update.succeeded
    files = [path for path in stack.state.rglob("*") if path.is_file()]
    files.append(stack.directory / f"Pulumi.{stack.stack}.yaml")
    assert len(files) > 1
    for file in files:
        assert revealed(file.read_text(encoding="utf-8")) == set(), file


def test_no_secret_stands_in_the_preview(stack: Deployment, update: Outcome) -> None:
    assert update.succeeded
    # Another address of the page, so that the plan shows the receivers with their old and new values.
    stack.configure({"receivers": [{**RECEIVERS[0], "severities": ["page"]}, *RECEIVERS[1:]]})
    for options in (["--json", "--show-secrets=false"], ["--diff"]):
        preview = stack.preview(*options)
        assert preview.succeeded, preview.output
        assert preview.touched
        assert revealed(preview.output) == set()


def test_no_secret_stands_in_the_logs(update: Outcome) -> None:
    assert len(update.output) > 100_000
    assert revealed(update.output) == set()


def test_no_secret_stands_in_what_the_engine_reports(update: Outcome) -> None:
    assert revealed(json.dumps(update.events)) == set()


def test_no_secret_is_given_to_an_image(stack: Deployment, update: Outcome) -> None:
    assert update.succeeded
    images = stack.cloud.of("docker-build:index:Image")
    assert images
    assert revealed(json.dumps([image.inputs for image in images])) == set()
