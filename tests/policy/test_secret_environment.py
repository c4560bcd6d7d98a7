from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from policy.rules.secret_environment import SECRET_ENVIRONMENT, TABLE

RANDOM = "q7Xv2LmN9sTzR4bKw8YcD1eHfJ6gPa0U"
VAULT = "https://example.vault.azure.net/secrets/token"


def _inputs(kind: str, name: str, value: str) -> dict[str, Any]:
    """The inputs of a resource whose only environment variable is ``name``, in the type's own form."""
    pair = {"name": name, "value": value}
    return {
        "azure-native:app:ContainerApp": {"template": {"containers": [{"env": [pair]}]}},
        "azure-native:app:Job": {"template": {"initContainers": [{"env": [pair]}]}},
        "aws:ecs/taskDefinition:TaskDefinition": {"containerDefinitions": json.dumps([{"environment": [pair]}])},
        "gcp:cloudrunv2/service:Service": {"template": {"containers": [{"envs": [pair]}]}},
        "gcp:cloudrunv2/job:Job": {"template": {"template": {"containers": [{"envs": [pair]}]}}},
        "docker:index/container:Container": {"envs": [f"{name}={value}"]},
        "docker-build:index:Image": {"buildArgs": {name: value}},
    }[kind]


REFERENCES: list[tuple[str, dict[str, Any]]] = [
    (
        "azure-native:app:ContainerApp",
        {
            "configuration": {"secrets": [{"name": "token", "keyVaultUrl": VAULT, "identity": "system"}]},
            "template": {"containers": [{"env": [{"name": "API_TOKEN", "secretRef": "token"}]}]},
        },
    ),
    (
        "aws:ecs/taskDefinition:TaskDefinition",
        {"containerDefinitions": json.dumps([{"secrets": [{"name": "API_TOKEN", "valueFrom": "arn:aws:x"}]}])},
    ),
    (
        "gcp:cloudrunv2/service:Service",
        {
            "template": {
                "containers": [{"envs": [{"name": "API_TOKEN", "valueSource": {"secretKeyRef": {"secret": "token"}}}]}]
            }
        },
    ),
    ("docker-build:index:Image", {"secrets": {"API_TOKEN": "s3cret"}}),
]

HARMLESS = [
    ("PORT", "8000"),
    ("RELEASE", "iris-0123456789ab-0123456789ab"),
    ("MODEL_VERSION", "0123456789abcdef"),
    ("IMAGE", "registry.example.com/serving@sha256:" + "0123456789abcdef" * 4),
    ("MAX_TOKENS", "512"),
    ("MONKEY", "ape"),
    ("KEY_VAULT_URL", "https://example.vault.azure.net/"),
    ("API_TOKEN_FILE", "/run/secrets/token"),
    ("API_TOKEN", "/run/secrets/token"),
    ("API_TOKEN", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token"),
    ("API_TOKEN", ""),
    ("ENDPOINT", "https://api.example.com:8443/v1"),
    ("ROLE", "arn:aws:iam::123456789012:role/MlPlatformTaskExecutionRole01"),
    ("AGENT_CONFIG", '{"global": {"scrape_interval": "15s"}}'),
]

SECRETS = [
    ("API_TOKEN", "hunter2", "is named like a secret"),
    ("db_password", "hunter2", "is named like a secret"),
    ("DBPASSWORD", "hunter2", "is named like a secret"),
    ("API_KEYS", "hunter2", "is named like a secret"),
    ("TOKEN_2", "hunter2", "is named like a secret"),
    ("SECRET_KEY", "hunter2", "is named like a secret"),
    ("AWS_SECRET_ACCESS_KEY", "hunter2", "is named like a secret"),
    ("DATABASE_URL", "postgresql://api:hunter2@db.example.com/iris", "holds a key or a connection string"),
    ("STORAGE", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=aaaa", "holds a key or a connection string"),
    ("EXTRA", "-----BEGIN RSA PRIVATE KEY-----\nMIIE", "holds a key or a connection string"),
    ("EXTRA", "AKIA0123456789ABCDEF", "holds a key or a connection string"),
    ("EXTRA", RANDOM, "looks like a random token"),
]


@pytest.mark.parametrize("kind", TABLE)
@pytest.mark.parametrize(("name", "value"), HARMLESS)
def test_a_harmless_variable_passes(judge: Callable[..., list[str]], kind: str, name: str, value: str) -> None:
    assert judge(SECRET_ENVIRONMENT, kind, _inputs(kind, name, value)) == []


@pytest.mark.parametrize("kind", TABLE)
@pytest.mark.parametrize(("name", "value", "words"), SECRETS)
def test_a_secret_in_plain_is_refused_and_not_repeated(
    judge: Callable[..., list[str]], kind: str, name: str, value: str, words: str
) -> None:
    [message] = judge(SECRET_ENVIRONMENT, kind, _inputs(kind, name, value))
    assert words in message
    assert name in message
    assert value not in message


@pytest.mark.parametrize(("kind", "inputs"), REFERENCES)
def test_a_reference_to_the_secret_store_passes(
    judge: Callable[..., list[str]], kind: str, inputs: dict[str, Any]
) -> None:
    assert judge(SECRET_ENVIRONMENT, kind, inputs) == []


@pytest.mark.parametrize("kind", ["azure-native:app:ContainerApp", "azure-native:app:Job"])
@pytest.mark.parametrize(("name", "reference"), [("setting", "setting"), ("api-token", "other")])
def test_a_container_apps_secret_with_its_value_in_the_program_is_refused(
    judge: Callable[..., list[str]], kind: str, name: str, reference: str
) -> None:
    secrets = [{"name": name, "value": "hunter2"}, {"name": "other", "keyVaultUrl": VAULT}]
    containers = [{"env": [{"name": "SETTING", "secretRef": reference}]}]
    inputs = {"configuration": {"secrets": secrets}, "template": {"containers": containers}}
    [message] = judge(SECRET_ENVIRONMENT, kind, inputs)
    assert message.startswith(f"it ({kind}): configuration.secrets[0] ({name.replace('-', '_')}")
    assert "hunter2" not in message


def test_a_container_apps_secret_that_is_only_a_mounted_file_may_hold_plain_configuration(
    judge: Callable[..., list[str]],
) -> None:
    secret = {"name": "agent-configuration", "value": '{"global": {"scrape_interval": "15s"}}'}
    volume = {"storageType": "Secret", "secrets": [{"secretRef": "agent-configuration", "path": "agent.yml"}]}
    inputs = {"configuration": {"secrets": [secret]}, "template": {"volumes": [volume]}}
    assert judge(SECRET_ENVIRONMENT, "azure-native:app:ContainerApp", inputs) == []


def test_a_secret_output_of_the_program_counts_as_plain_once_it_stands_in_an_environment(
    judge: Callable[..., list[str]],
) -> None:
    wrapped = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hunter2"}
    inputs = {"template": {"containers": [{"envs": [{"name": "API_TOKEN", "value": wrapped}]}]}}
    [message] = judge(SECRET_ENVIRONMENT, "gcp:cloudrunv2/service:Service", inputs)
    assert "API_TOKEN, 7 characters" in message
