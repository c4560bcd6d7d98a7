"""The policy pack: every rule mandatory, run by ``pulumi preview|up --policy-pack policy``."""

from pulumi_policy import EnforcementLevel, PolicyPack
from rules import RULES

PolicyPack("mlplatform", RULES, EnforcementLevel.MANDATORY)
