"""The ids of Google's resources, read from what the SDK says of importing each type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from engine.standin import sdk_types

_OTHERS: Mapping[str, str] = {
    # github.com/hashicorp/terraform-provider-google, google/services: the SetId of each resource.
    "gcp:dns/recordSet:RecordSet": "projects/{project}/managedZones/{managedZone}/rrsets/{name}/{type}",
    "gcp:projects/service:Service": "{project}/{service}",
    "gcp:projects/serviceIdentity:ServiceIdentity": "projects/{project}/services/{service}",
    "gcp:projects/iAMMember:IAMMember": "{project}/{role}/{member}",
    "gcp:monitoring/notificationChannel:NotificationChannel": "projects/{project}/notificationChannels/{digits19}",
    "gcp:monitoring/alertPolicy:AlertPolicy": "projects/{project}/alertPolicies/{digits19}",
    "gcp:monitoring/dashboard:Dashboard": "projects/{project}/dashboards/{uuid}",
    "gcp:secretmanager/secretVersion:SecretVersion": "{secret}/versions/{version}",
    "gcp:logging/projectSink:ProjectSink": "projects/{project}/sinks/{name}",
    "gcp:serviceaccount/account:Account": (
        "projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com"
    ),
    "gcp:storage/bucket:Bucket": "{name}",
    "gcp:storage/bucketIAMMember:BucketIAMMember": "b/{bucket}/{role}/{member}",
    "gcp:kms/cryptoKey:CryptoKey": "{keyRing}/cryptoKeys/{name}",
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": "{cryptoKeyId}/{role}/{member}",
    "gcp:sql/databaseInstance:DatabaseInstance": "{name}",
    "gcp:sql/user:User": "{name}//{instance}",  # between the slashes stands a host, in MySQL
}


@cache
def path(token: str) -> str:
    """The template of a type's ids: the first form that can be imported, with its inputs' names in braces.

    A LookupError asks for a type to be added where the SDK tells none.
    """
    if token in _OTHERS:
        return _OTHERS[token]
    importing = sdk_types.documentation(token).partition("## Import")[2]
    form = re.search(r"\* `?((?:[\w-]+/)*\{\{\w+\}\}\S*?)`?\s", importing)
    if form is None:
        raise LookupError(f"{token}: the SDK does not say what its ids look like; add it to engine/standin/gcp_ids.py")
    found = re.sub(r"\{\{(\w+)\}\}", lambda field: "{" + sdk_types.camel_case(field[1]) + "}", form[1])
    member = "/{role}/{member}" if token.lower().endswith("iammember") else ""
    return found + member


def address(token: str) -> list[str]:
    """The inputs that make up the id: another value is another resource."""
    declared = sdk_types.inputs(token)
    return [field for field in re.findall(r"\{(\w+)\}", path(token)) if field in declared]
