"""What a cloud refuses for the sake of other resources: names that are taken, references to nothing, deletions.

A reference is an input that has the form of something that the cloud itself hands out. Text inside of documents
(policies, container definitions) is not looked at; clouds do not do so either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import grpc

from engine.standin.faults import Refused
from engine.standin.properties import texts

if TYPE_CHECKING:
    from engine.standin.cloud import Record

_FORMS = {
    "aws": re.compile(
        r"(vpc|subnet|sg|rtb|igw|nat|eni|vpce|acl|eipalloc)-[0-9a-f]{8,17}"
        r"|arn:aws[\w-]*:[\w-]+:[\w-]*:(\d{12})?:[^*]+"  # those of AWS itself have "aws" for the account
    ),
    # Azure itself makes NetworkWatcherRG, with a watcher for each region.
    "azure-native": re.compile(
        r"/subscriptions/[^/]+/resourceGroups/(?!NetworkWatcherRG(/|$))[^/]+(/.+)?", re.IGNORECASE
    ),
    "gcp": re.compile(
        r"(https://www\.googleapis\.com/compute/v1/)?projects/[^/]+/([^/]+/)+[^/]+"
        r"|(serviceAccount:)?(?!service-)[\w-]+@[\w-]+\.iam\.gserviceaccount\.com"
    ),
}
"""By package: the whole texts that are references."""

_PREFIXES = re.compile(r"^(https://www\.googleapis\.com/compute/v1/|serviceAccount:)")
"""What may stand before the same reference or not."""

_IDEMPOTENT = ("IAMMember", "projects/service:Service")
"""What can be created again, with no error and no effect."""

_NAMED_IN_SCOPE = {
    "aws:ec2/securityGroup:SecurityGroup": ("vpcId", "name"),
    "aws:lb/loadBalancer:LoadBalancer": ("name",),
    "aws:lb/targetGroup:TargetGroup": ("name",),
    "aws:rds/instance:Instance": ("identifier",),
    "azure-native:containerregistry:Registry": ("registryName",),
    "azure-native:dbforpostgresql:Server": ("serverName",),
    "azure-native:keyvault:Vault": ("vaultName",),
    "azure-native:storage:StorageAccount": ("accountName",),
}
"""What makes a resource unique where its id does not say so: AWS' are random, some of Azure's names are global."""

_HELD_BY_REFERENCES = (
    "aws:ec2/vpc:Vpc",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:rds/parameterGroup:ParameterGroup",
    "aws:rds/subnetGroup:SubnetGroup",
    "azure-native:network:VirtualNetwork",
    "azure-native:network:Subnet",
    "azure-native:app:ManagedEnvironment",
    "gcp:compute/network:Network",
    "gcp:compute/subnetwork:Subnetwork",
)
"""What cannot be deleted while something refers to it."""

_DELETION_PROTECTION = ("deletionProtection", "deletionProtectionEnabled", "enableDeletionProtection")
_LOCK = "azure-native:authorization:ManagementLockByScope"


def check_name(new: Record, existing: Iterable[Record]) -> None:
    """Raise Refused when the id or the name of ``new`` is taken in its scope."""
    if new.type.endswith(_IDEMPOTENT):
        return
    unique = _NAMED_IN_SCOPE.get(new.type, ())
    for other in existing:
        if other.type != new.type:
            continue
        named = unique and all(_value(other, name) == _value(new, name) for name in unique)
        if named or other.id.lower() == new.id.lower():
            name = ", ".join(str(_value(new, name)) for name in unique) or new.id
            raise Refused(f"{new.type} '{name}' exists already (409 Conflict)", grpc.StatusCode.ALREADY_EXISTS)


def check_references(record: Record, existing: Iterable[Record], outside: Iterable[str]) -> None:
    """Raise Refused when an input of ``record``, or the parent that its id names, does not exist."""
    form = _FORMS.get(record.package)
    wanted = {path: text for path, text in texts(record.inputs) if form and form.fullmatch(text)}
    if record.package == "azure-native" and (parent := _parent(record.id)):
        wanted["the parent"] = parent
    if not wanted:
        return
    known = {_same(text) for text in outside}
    for each in (record, *existing):
        known |= {_same(text) for text in _handed_out(each)}
    for path, text in wanted.items():
        if _same(text) not in known:
            raise Refused(f"{path} refers to '{text}', which does not exist", grpc.StatusCode.NOT_FOUND)


def check_deletion(record: Record, existing: Iterable[Record]) -> None:
    """Raise Refused when ``record`` is protected in the cloud itself, or held by what refers to it."""
    if any(_value(record, name) is True for name in _DELETION_PROTECTION):
        raise Refused(f"{record.type} '{record.id}' has deletion protection; take that away first")
    for other in existing:
        if other.type == _LOCK and record.type != _LOCK and _within(record.id, str(other.inputs.get("scope"))):
            raise Refused(f"'{record.id}' is locked by '{other.id}' (ScopeLocked)")
        if record.type in _HELD_BY_REFERENCES and other is not record:
            for path, text in texts(other.inputs):
                if text == record.id:
                    raise Refused(f"{record.type} '{record.id}' is in use: {other.type} '{other.id}' has it as {path}")


def _handed_out(record: Record) -> set[str]:
    """What the cloud, not the program, called the resource and its parts."""
    return {text for _, text in texts(record.outputs)} - {text for _, text in texts(record.inputs)} | {record.id}


def _same(text: str) -> str:
    """A form in which two spellings of one reference are equal."""
    return _PREFIXES.sub("", text).lower()


def _value(record: Record, name: str) -> Any:
    """An output, or the input where there is no such output."""
    return record.outputs.get(name, record.inputs.get(name))


def _parent(id_: str) -> str | None:
    """The resource that an Azure id lies in: a resource or resource group, None for a group or a subscription."""
    parent = re.sub(r"(/providers/[^/]+)?/[^/]+/[^/]+$", "", id_)
    while re.search(r"/providers/.+/default$", parent):
        parent = parent.rsplit("/", 2)[0]  # the one instance that every parent has
    return parent if _FORMS["azure-native"].fullmatch(parent) else None


def _within(id_: str, scope: str) -> bool:
    """Whether an Azure id is the scope or lies in it."""
    return f"{id_}/".lower().startswith(f"{scope}/".lower())
