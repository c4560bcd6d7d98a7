"""The policy pack: every rule mandatory, run by ``pulumi preview|up --policy-pack policy``."""

import sys
from typing import TextIO, cast

from pulumi_policy import EnforcementLevel, PolicyPack
from rules import RULES

# The SDK writes its port without flushing, and the engine waits for it forever where output is buffered.
cast("TextIO", sys.stdout).reconfigure(write_through=True)  # type: ignore[attr-defined]

PolicyPack("mlplatform", RULES, EnforcementLevel.MANDATORY)
