"""The Pulumi program: runs the stack program of the cloud that the configuration names."""

from importlib import import_module
from typing import get_args

from components.spec import Cloud
from stacks.config import choice

import_module(f"stacks.{choice('cloud', get_args(Cloud))}").program()
