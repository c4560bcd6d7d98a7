from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policy.rules.tls import TABLE, TLS

PARAMETER = "azure-native:dbforpostgresql:Configuration"
LISTENER = "aws:lb/listener:Listener"
CLOUD_SQL = "gcp:sql/databaseInstance:DatabaseInstance"
PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
MODERN = "ELBSecurityPolicy-TLS13-1-2-2021-06"
FORWARD = [{"type": "forward"}]
REDIRECT = [{"type": "redirect", "redirect": {"protocol": "HTTPS", "statusCode": "HTTP_301"}}]

PASSES: list[tuple[str, dict[str, Any], str]] = [
    ("azure-native:storage:StorageAccount", {"minimumTlsVersion": "TLS1_2"}, "azure-dev"),
    ("azure-native:app:ContainerApp", {"configuration": {"ingress": {"external": True}}}, "azure-prod"),
    ("azure-native:app:ContainerApp", {}, "azure-prod"),
    (PARAMETER, {"configurationName": "require_secure_transport", "value": "ON"}, "azure-dev"),
    (PARAMETER, {"configurationName": "ssl_min_protocol_version", "value": "TLSv1.2"}, "azure-prod"),
    (PARAMETER, {"configurationName": "max_connections", "value": "50"}, "azure-dev"),
    (LISTENER, {"protocol": "HTTPS", "sslPolicy": MODERN, "defaultActions": FORWARD}, "aws-prod"),
    (LISTENER, {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"}, "aws-prod"),
    (LISTENER, {"protocol": "HTTP", "defaultActions": REDIRECT}, "aws-prod"),
    (LISTENER, {"protocol": "HTTP", "defaultActions": FORWARD}, "aws-dev"),
    (PARAMETERS, {"family": "postgres17", "parameters": [{"name": "rds.force_ssl", "value": "1"}]}, "aws-dev"),
    (PARAMETERS, {"family": "mariadb11.4"}, "aws-dev"),
    ("gcp:compute/sSLPolicy:SSLPolicy", {"minTlsVersion": "TLS_1_2"}, "gcp-dev"),
    (CLOUD_SQL, {"settings": {"ipConfiguration": {"sslMode": "ENCRYPTED_ONLY"}}}, "gcp-dev"),
    ("gcp:compute/targetHttpsProxy:TargetHttpsProxy", {"sslPolicy": "projects/p/global/sslPolicies/tls"}, "gcp-dev"),
]

REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("azure-native:storage:StorageAccount", {}, "azure-dev", "minimumTlsVersion is not set"),
    ("azure-native:storage:StorageAccount", {"minimumTlsVersion": "TLS1_1"}, "azure-dev", '"TLS1_1"'),
    (
        "azure-native:storage:StorageAccount",
        {"minimumTlsVersion": "TLS1_2", "enableHttpsTrafficOnly": False},
        "azure-dev",
        "enableHttpsTrafficOnly is false",
    ),
    (
        "azure-native:app:ContainerApp",
        {"configuration": {"ingress": {"allowInsecure": True}}},
        "azure-dev",
        "configuration.ingress.allowInsecure is true",
    ),
    (PARAMETER, {"configurationName": "require_secure_transport", "value": "off"}, "azure-dev", 'value is "off"'),
    (PARAMETER, {"configurationName": "ssl_min_protocol_version", "value": "TLSv1.1"}, "azure-prod", '"TLSv1.1"'),
    (LISTENER, {"protocol": "HTTPS"}, "aws-dev", "sslPolicy is not set"),
    (LISTENER, {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-2016-08"}, "aws-dev", "2016-08"),
    (LISTENER, {"protocol": "TLS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-1-2021-06"}, "aws-dev", "TLS13-1-1"),
    (LISTENER, {"protocol": "HTTP", "defaultActions": FORWARD}, "aws-prod", 'protocol is "HTTP"'),
    (
        LISTENER,
        {"protocol": "HTTP", "defaultActions": FORWARD, "tags": {"environment": "prod"}},
        "blue",
        'protocol is "HTTP"',
    ),
    (PARAMETERS, {"family": "postgres17"}, "aws-dev", "rds.force_ssl is not set"),
    (
        PARAMETERS,
        {"family": "postgres17", "parameters": [{"name": "rds.force_ssl", "value": "0"}]},
        "aws-dev",
        'rds.force_ssl is "0"',
    ),
    ("gcp:compute/sSLPolicy:SSLPolicy", {}, "gcp-dev", "minTlsVersion is not set"),
    (CLOUD_SQL, {"settings": {}}, "gcp-dev", "sslMode is not set"),
    (
        CLOUD_SQL,
        {"settings": {"ipConfiguration": {"sslMode": "ALLOW_UNENCRYPTED_AND_ENCRYPTED"}}},
        "gcp-dev",
        "would also speak without TLS",
    ),
    ("gcp:compute/targetHttpsProxy:TargetHttpsProxy", {}, "gcp-dev", "sslPolicy is not set"),
]


@pytest.mark.parametrize(("kind", "inputs", "stack"), PASSES)
def test_tls_1_2_and_a_redirect_to_it_pass(
    judge: Callable[..., list[str]], kind: str, inputs: dict[str, Any], stack: str
) -> None:
    assert judge(TLS, kind, inputs, stack=stack) == []


@pytest.mark.parametrize(("kind", "inputs", "stack", "words"), REFUSED)
def test_older_versions_and_plain_http_are_refused(
    judge: Callable[..., list[str]], kind: str, inputs: dict[str, Any], stack: str, words: str
) -> None:
    [message] = judge(TLS, kind, inputs, stack=stack)
    assert words in message


def test_every_type_of_the_table_was_passed_and_refused() -> None:
    assert {kind for kind, _, _ in PASSES} == {kind for kind, _, _, _ in REFUSED} == set(TABLE)
