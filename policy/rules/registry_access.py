"""No admin user and no anonymous pull: a registry is reached with an identity that can be taken away again."""

from pulumi_policy import Severity

from .check import Table, must_be, resource_rule

TABLE: Table = {
    "azure-native:containerregistry:Registry": (
        must_be(
            "adminUserEnabled",
            False,
            why="the admin user is one shared password with push rights; pull with AcrPull and a managed identity",
            unset_is_fine=True,
        ),
        must_be("anonymousPullEnabled", False, why="anyone could pull the images", unset_is_fine=True),
    ),
}

REGISTRY_ACCESS = resource_rule(
    "no-registry-admin-user", "Registries are reached by identity, not by a shared password.", TABLE, Severity.HIGH
)
