"""One rule."""

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)


def _lucky(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.props.get("size") == 13:
        report("size is 13; choose another", None)


PolicyPack(
    "luck",
    policies=[ResourceValidationPolicy("no-thirteen", "Sizes are lucky.", _lucky)],
    enforcement_level=EnforcementLevel.MANDATORY,
)
