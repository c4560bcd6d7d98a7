"""The Pulumi program: the identities of one cloud."""

from importlib import import_module

from stacks.bootstrap.subjects import read

workflows = read()
import_module(f"stacks.bootstrap.{workflows.cloud}").program(workflows)
