"""No secrets in plain environment: whoever may read a deployment would read them, and so would every log of it.

A variable is refused for its name (``DB_PASSWORD``) or for its value (a private key, a connection string with a
password, a random token); a reference to the cloud's own store passes. The policy SDK hands values of secret outputs
over like any other, rightly here: the engine encrypts them in its state, but the deployment shows them. Messages
never repeat a value. Hexadecimal texts are not taken for secrets, since digests and commits look the same.
"""

from __future__ import annotations

import math
import re
from collections import Counter

from pulumi_policy import ResourceValidationArgs, Severity

from .check import Check, Table, resource_rule
from .property import Property

SECRET_NAME = re.compile(
    r"(TOKEN|PASSWORDS?|PASSWD|PASSPHRASE|SECRETS?|CREDENTIALS?|API_?KEYS?|CONNECTION_?STRING|(^|_)(KEYS?|PWD|DSN))"
    r"(_VALUE|_?\d+)?$",
    re.I,
)
# Says where a secret lies or how its place is called, not what it is.
REFERENCE = re.compile(r"(arn:|projects/|https://[\w-]+\.vault\.azure\.net/|@Microsoft\.KeyVault\(|/|\./)\S*")
SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@"  # pragma: allowlist secret (scheme://user:password@host)
    r"|\b(AccountKey|SharedAccessKey|SharedAccessSignature|InstrumentationKey|Password|Pwd)=[^;\s]"
    r"|\b(AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS access key id
    r"|\bgh[pousr]_\w{20}|\bxox[abprs]-\w|\bAIza[\w-]{35}\b"  # GitHub, Slack, Google
    r"|\beyJ[\w-]+\.eyJ[\w-]+\.",  # JSON web token
    re.I,
)
RANDOM = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[\w+/=-]{24,}")
RANDOM_BITS = 4.0
"""Bits per character (Shannon's entropy) above which a text of 24 and more characters is taken for a random one."""


def entropy(text: str) -> float:
    """Shannon's entropy of ``text`` in bits per character; 0 for an empty one."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def _judge(path: str, name: str, value: str) -> str | None:
    """The refusal of a variable, which tells its name and length and never its value."""
    if SECRET_VALUE.search(value):
        reason = "holds a key or a connection string"
    elif not value or REFERENCE.fullmatch(value):
        return None
    elif SECRET_NAME.search(name):
        reason = "is named like a secret"
    elif RANDOM.fullmatch(value) and entropy(value) > RANDOM_BITS:
        reason = "looks like a random token"
    else:
        return None
    return (
        f"{path} ({name}, {len(value)} characters) {reason}: whoever can read the deployment reads it;"
        " keep it in the cloud's secret store and pass a reference"
    )


def _variable(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse an environment entry ``{name, value}`` whose value is given in plain."""
    value = found.at("value").value
    return None if value is None else _judge(found.path, str(found.at("name").value), str(value))


def _assignment(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse Docker's ``NAME=value`` whose value is given in plain."""
    name, _, value = str(found.value).partition("=")
    return _judge(found.path, name, value)


def _build_argument(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse a build argument with a secret: it stays in the image's history."""
    name = found.path.removeprefix("buildArgs[").removesuffix("]")
    return _judge(found.path, name, str(found.value))


def _stored(found: Property, args: ResourceValidationArgs) -> str | None:
    """Refuse a Container Apps secret whose value passes through the program instead of a Key Vault address.

    Files can only be mounted from such secrets, so one that no variable refers to may hold plain configuration.
    """
    if found.at("keyVaultUrl").is_set or not found.at("value").is_set:
        return None
    name = str(found.at("name").value)
    containers = [child for kind in _CONTAINERS for child in Property("", args.props).select(kind)]
    if any(name == variable.at("secretRef").value for child in containers for variable in child.select("env.*")):
        return (
            f"{found.path} ({name}) has its value in the program: it would stand in the stack's state;"
            " keep it in Key Vault and set keyVaultUrl and identity"
        )
    return _judge(found.path, name.replace("-", "_"), str(found.at("value").value))


_CONTAINERS = ("template.containers.*", "template.initContainers.*")
_AZURE = (
    *(Check(f"{containers}.env.*", _variable) for containers in _CONTAINERS),
    Check("configuration.secrets.*", _stored),
)

TABLE: Table = {
    "azure-native:app:ContainerApp": _AZURE,
    "azure-native:app:Job": _AZURE,
    "aws:ecs/taskDefinition:TaskDefinition": (Check("containerDefinitions.*.environment.*", _variable),),
    "gcp:cloudrunv2/service:Service": (Check("template.containers.*.envs.*", _variable),),
    "gcp:cloudrunv2/job:Job": (Check("template.template.containers.*.envs.*", _variable),),
    "docker:index/container:Container": (Check("envs.*", _assignment),),
    "docker-build:index:Image": (Check("buildArgs.*", _build_argument),),
}

SECRET_ENVIRONMENT = resource_rule(
    "no-plain-secrets", "Secrets reach a container by reference, never in plain environment.", TABLE, Severity.CRITICAL
)
