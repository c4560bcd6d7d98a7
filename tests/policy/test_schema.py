"""The tables read properties that exist, under the names that the engine passes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from policy.rules import (
    encryption,
    images,
    ingress,
    public_storage,
    registry_access,
    replicas,
    retention,
    secret_environment,
    tags,
    tls,
)

TABLES = [
    module.TABLE
    for module in (
        encryption,
        images,
        ingress,
        public_storage,
        registry_access,
        replicas,
        retention,
        secret_environment,
        tags,
        tls,
    )
]
PATHS = {(kind, check.path) for table in TABLES for kind, checks in table.items() for check in checks}
# AWS takes the containers as one JSON text, whose names are those of its API
JSON = "containerDefinitions"


@pytest.mark.parametrize(("kind", "path"), sorted(PATHS))
def test_every_path_of_a_table_exists_in_the_providers_sdk(
    input_names: Callable[..., set[str]], kind: str, path: str
) -> None:
    parent, _, name = (JSON if path.startswith(JSON) else path).rpartition(".")
    assert not name or name == "*" or name in input_names(kind, parent)


def test_a_type_or_a_path_that_does_not_exist_is_noticed(input_names: Callable[..., set[str]]) -> None:
    with pytest.raises(AssertionError, match="no resource type"):
        input_names("aws:s3/buckets:Bucket")
    with pytest.raises(AssertionError, match="no containers among"):
        input_names("gcp:cloudrunv2/job:Job", "template.containers.*")
