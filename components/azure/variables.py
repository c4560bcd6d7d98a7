"""The variables of a container: plain ones, and those that the platform fills from the stack's vault."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_azure_native.app as app


def variables(plain: Mapping[str, pulumi.Input[str]], secrets: Mapping[str, str]) -> list[app.EnvironmentVarArgsDict]:
    """The variables of a container in an app or a job that holds the ``references`` of ``secrets``."""
    written: list[app.EnvironmentVarArgsDict] = [{"name": name, "value": value} for name, value in plain.items()]
    referred: list[app.EnvironmentVarArgsDict] = [{"name": name, "secret_ref": _secret_name(name)} for name in secrets]
    return written + referred


def references(
    vault_uri: pulumi.Input[str], secrets: Mapping[str, str], identity: pulumi.Input[str]
) -> list[app.SecretArgsDict]:
    """The secrets of an app or a job, read from the vault as ``identity`` (its resource id)."""
    return [
        {
            "name": _secret_name(variable),
            "key_vault_url": pulumi.Output.concat(vault_uri, "secrets/", reference),
            "identity": identity,
        }
        for variable, reference in secrets.items()
    ]


def _secret_name(variable: str) -> str:
    """The Container Apps secret behind an environment variable: lowercase letters, digits and hyphens."""
    return f"variable-{variable.lower().replace('_', '-')}-value"
