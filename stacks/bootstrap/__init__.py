"""The identities of the workflows, once per cloud account: a Pulumi project of its own (docs/bootstrap.md)."""
