"""TLS 1.2 or newer wherever a version can be chosen, and no plain HTTP where TLS can be had.

Left out because they speak nothing older: the ingress of Container Apps and of Cloud Run.
"""

from __future__ import annotations

import re

from pulumi_policy import ResourceValidationArgs, Severity

from .check import Check, Table, must_be, must_be_set, resource_rule
from .property import Property, show

# Elastic Load Balancing's policies without TLS 1.0 and 1.1. Without a name the API takes 2016-08, which has both:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
MODERN_POLICY = re.compile(r"ELBSecurityPolicy-(TLS13-1-[23]|TLS-1-2|FS-1-2)-[\w-]+")
ENCRYPTED_PROTOCOLS = {"HTTPS", "TLS"}
OLD = "TLS 1.0 and 1.1 are broken"


def _modern_policy(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse an encrypted listener whose policy admits what is older than TLS 1.2."""
    if found.at("protocol").value not in ENCRYPTED_PROTOCOLS:
        return None
    policy = found.at("sslPolicy").value
    if MODERN_POLICY.fullmatch(str(policy)):
        return None
    return f"sslPolicy is {show(policy)}: {OLD}; set it to a policy such as ELBSecurityPolicy-TLS13-1-2-2021-06"


def _encrypted_or_redirect(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse a listener that serves plain HTTP rather than redirecting to HTTPS."""
    if found.at("protocol").value in ENCRYPTED_PROTOCOLS:
        return None
    actions = found.select("defaultActions.*")
    if actions and all(action.at("redirect.protocol").value == "HTTPS" for action in actions):
        return None
    return (
        f"protocol is {show(found.at('protocol').value)}: requests and answers would cross the network in plain;"
        " give the stack a domain so that it serves HTTPS, and let this listener redirect to it"
    )


def _forces_tls(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse parameters of a PostgreSQL of RDS that admit plain connections: the default before version 15."""
    if not str(found.at("family").value).startswith("postgres"):
        return None
    parameters = found.select("parameters.*")
    values = [each.at("value").value for each in parameters if each.at("name").value == "rds.force_ssl"]
    if values == ["1"]:
        return None
    shown = show(values[0] if values else None)
    return f'rds.force_ssl is {shown}: logins and rows may cross the network in plain; set it to "1"'


def _encrypted_connections(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse a parameter that lets clients of a PostgreSQL connect in plain, or by what is older than TLS 1.2."""
    name, value = found.at("configurationName").value, found.at("value").value
    if name == "require_secure_transport" and str(value).lower() != "on":
        return f'value is {show(value)}: clients could connect in plain; set require_secure_transport to "on"'
    if name == "ssl_min_protocol_version" and value not in ("TLSv1.2", "TLSv1.3"):
        return f'value is {show(value)}: {OLD}; set ssl_min_protocol_version to "TLSv1.3"'
    return None


TABLE: Table = {
    "azure-native:storage:StorageAccount": (
        must_be("minimumTlsVersion", "TLS1_2", "TLS1_3", why=f"the default is TLS 1.0, and {OLD}"),
        must_be("enableHttpsTrafficOnly", True, why="requests would cross the network in plain", unset_is_fine=True),
    ),
    "azure-native:app:ContainerApp": (
        must_be(
            "configuration.ingress.allowInsecure",
            False,
            why="plain HTTP would be served instead of redirected",
            unset_is_fine=True,
        ),
    ),
    "azure-native:dbforpostgresql:Configuration": (Check("", _encrypted_connections),),
    "aws:lb/listener:Listener": (Check("", _modern_policy), Check("", _encrypted_or_redirect, prod_only=True)),
    "aws:rds/parameterGroup:ParameterGroup": (Check("", _forces_tls),),
    "gcp:compute/sSLPolicy:SSLPolicy": (must_be("minTlsVersion", "TLS_1_2", "TLS_1_3", why=OLD),),
    "gcp:sql/databaseInstance:DatabaseInstance": (
        must_be(
            "settings.ipConfiguration.sslMode",
            "ENCRYPTED_ONLY",
            "TRUSTED_CLIENT_CERTIFICATE_REQUIRED",
            why="the server would also speak without TLS, passwords included",
        ),
    ),
    "gcp:compute/targetHttpsProxy:TargetHttpsProxy": (
        must_be_set("sslPolicy", "without one the load balancer also speaks TLS 1.0"),
    ),
}

TLS = resource_rule("tls-1-2", "Connections use TLS 1.2 or newer.", TABLE, Severity.HIGH)
