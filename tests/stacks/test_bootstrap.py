"""The workflows' identities: each trusts one environment of one repository, and a preview's may only read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from stacks.bootstrap import aws, azure, gcp
from stacks.bootstrap.subjects import ISSUER, read
from tests.components.harness import PROJECT, run
from tests.components.record import Run

ROOT = Path(__file__).resolve().parents[2]
OURS = "acme/shop"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1"
POLICY = "arn:aws:iam::111122223333:policy/deploy"
PROGRAMS = {"azure": azure, "aws": aws, "gcp": gcp}
SETTINGS: dict[str, dict[str, Any]] = {
    "azure": {"subscription": "0-0", "stateGroup": "mlplatform-state", "location": "westeurope"},
    "aws": {"deployPolicies": json.dumps([POLICY]), "stateKey": KEY},
    "gcp": {"project": "shop", "stateKey": "projects/shop/locations/l/keyRings/pulumi/cryptoKeys/state"},
}


def made(name: str, **changes: Any) -> Run:
    """What the program of a cloud registers."""
    cloud = str(changes.get("cloud", name))
    values = {
        "cloud": cloud, "repository": OURS, "stacks": json.dumps([f"{name}-dev", f"{name}-prod"]), **SETTINGS[name],
        **changes,
    }  # fmt: skip
    config = {f"{PROJECT}:{key}": value for key, value in values.items()}
    return run(lambda: PROGRAMS[name].program(read()), config=config)


def environments(cloud: str) -> set[str]:
    """Those that the workflows enter."""
    return {f"{cloud}-{tier}{suffix}" for tier in ("dev", "prod") for suffix in ("", "-preview")}


def subjects(names: set[str]) -> set[str]:
    """What GitHub's tokens say in them."""
    return {f"repo:{OURS}:environment:{name}" for name in names}


def test_aws_roles_trust_one_subject_each_and_compare_it_whole() -> None:
    found = made("aws")
    assert found.one("OpenIdConnectProvider").inputs["url"] == ISSUER
    claims: set[str] = set()
    for role in found.of("iam/role:Role"):
        [statement] = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        assert set(statement["Condition"]) == {"StringEquals"}
        condition = statement["Condition"]["StringEquals"]
        assert condition["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
        claims.add(condition["token.actions.githubusercontent.com:sub"])
    assert claims == subjects(environments("aws"))


def test_aws_previews_read_and_deployments_get_the_policies_named() -> None:
    found = made("aws")
    given = {each.name: each.inputs["policyArn"] for each in found.of("RolePolicyAttachment")}
    for name, policy in given.items():
        assert policy.endswith("/ReadOnlyAccess") if "-preview-" in name else policy == POLICY
    inline = found.of("rolePolicy:RolePolicy")
    assert {each.name for each in inline} == {"aws-dev-preview-state", "aws-prod-preview-state"}
    for each in inline:
        [statement] = json.loads(each.inputs["policy"])["Statement"]
        assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", KEY)


def test_azure_identities_trust_one_subject_each() -> None:
    found = made("azure").of("FederatedIdentityCredential")
    assert {each.inputs["subject"] for each in found} == subjects(environments("azure"))
    assert {each.inputs["issuer"] for each in found} == {ISSUER}
    assert all(each.inputs["audiences"] == ["api://AzureADTokenExchange"] for each in found)


def test_azure_previews_cannot_write_what_they_read() -> None:
    writing = {*azure.DEPLOY.values(), azure.STATE_WRITE["blob-contributor"]}
    roles = made("azure").of("RoleAssignment")
    assert {each.name.rpartition("-preview-")[0] for each in roles} >= {"azure-dev", "azure-prod"}
    for each in roles:
        role = each.inputs["roleDefinitionId"].rpartition("/")[2]
        if "-preview-" in each.name:
            assert role not in writing
        if role == azure.STATE_WRITE["blob-contributor"]:
            assert each.inputs["scope"].endswith("/resourceGroups/mlplatform-state")


def test_azure_deployments_may_push_images_and_query_metrics_and_previews_may_not() -> None:
    names = {each.name for each in made("azure").of("RoleAssignment")}
    for role in ("acr-push", "monitoring-data-reader"):
        assert f"azure-prod-{role}" in names
        assert f"azure-prod-preview-{role}" not in names


def test_gcp_accounts_trust_one_subject_each_of_a_pool_for_one_repository() -> None:
    found = made("gcp")
    provider = found.one("WorkloadIdentityPoolProvider").inputs
    assert provider["attributeCondition"] == f"assertion.repository == '{OURS}'"
    assert provider["attributeMapping"] == {"google.subject": "assertion.sub"}
    assert provider["oidc"] == {"issuerUri": ISSUER}
    members = [each.inputs["member"] for each in found.of("serviceaccount/iAMMember:IAMMember")]
    assert {member.partition("/subject/")[2] for member in members} == subjects(environments("gcp"))
    assert all(len(each.inputs["accountId"]) <= 30 for each in found.of("serviceaccount/account:Account"))


def test_gcp_previews_read_and_deployments_have_the_roles_of_the_documents() -> None:
    found = made("gcp")
    documented = set(re.findall(r"`(roles/[\w.]+)`", (ROOT / "docs/clouds/gcp.md").read_text()))
    assert set(gcp.DEPLOY) <= documented
    for each in found.of("projects/iAMMember:IAMMember"):
        assert each.inputs["role"] in (gcp.READ if "-preview-" in each.name else gcp.DEPLOY)
    for each in found.of("CryptoKeyIAMMember"):
        reads_only = "-preview-" in each.name
        assert each.inputs["role"].endswith("cryptoKeyDecrypter") == reads_only


@pytest.mark.parametrize("cloud", PROGRAMS)
def test_a_person_reads_from_the_outputs_what_the_workflows_are_told(cloud: str) -> None:
    variable = {"azure": "AZURE_CLIENT_ID", "aws": "AWS_ROLE", "gcp": "GCP_SERVICE_ACCOUNT"}[cloud]
    assert {f"{name}:{variable}" for name in environments(cloud)} <= set(made(cloud).outputs)
    sign_in = (ROOT / ".github/actions/sign-in/action.yml").read_text()
    assert variable.lower().replace("_", "-") in sign_in


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"repository": "acme/*"}, "without wildcards"),
        ({"repository": "acme"}, "write owner/name"),
        ({"cloud": "moon"}, "choose one of"),
        ({"stacks": '["gcp-dev"]'}, "stacks holds 'gcp-dev'"),
    ],
)
def test_what_would_trust_too_much_or_nothing_is_refused(changes: dict[str, str], said: str) -> None:
    with pytest.raises(pulumi.RunError, match=re.escape(said)):
        made("aws", **changes)


def test_every_environment_that_a_workflow_enters_has_an_identity() -> None:
    """Whatever signs in does so in an environment of a stack, or in its preview."""
    for file in (ROOT / ".github/workflows").glob("*.yml"):
        for job in yaml.safe_load(file.read_text())["jobs"].values():
            if any(step.get("uses") == "./.github/actions/sign-in" for step in job.get("steps", [])):
                assert re.search(r"\$\{\{ (matrix|inputs)\.stack \}\}(-preview)?|\{0\}-preview", job["environment"]), (
                    file
                )
