"""The rules and the alert manager of managed Prometheus, as the texts that it takes.

Both are JSON, which is YAML too, so no value is ever pasted into a template.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from observability import rule_file
from observability.inhibition import INHIBITIONS
from observability.rules import Rules, Severity

RULES_PER_GROUP = 20
"""What a group may hold (docs.aws.amazon.com/prometheus/latest/userguide/AMP_quotas.html)."""
_REPEATED: dict[Severity, str] = {"page": "1h", "ticket": "1d"}
"""After how long somebody is told again of what still fires."""
_NAME = "{{ .CommonLabels.service }} {{ .CommonLabels.alertname }}"
"""What a message calls its alert: incidents of two stacks must not be taken for one."""
# A message looks like an alarm of CloudWatch, so that whoever understands those needs nothing else. The template
# language cannot quote for JSON: quotes, backslashes and line breaks of a text are replaced.
_SAFE = r"""reReplaceAll `["\\\n]` "'" """
_SUMMARIES = "{{ range .Alerts }}{{ .Annotations.summary | " + _SAFE + "}}; {{ end }}"
_REASONS = "{{ range .Alerts }}{{ .Annotations.description | " + _SAFE + "}}; {{ end }}"


def rule_groups(rules: Rules) -> str:
    """The namespace's content: recordings before the alerts that use them, in groups small enough."""
    return rule_file.groups_file(
        (f"{kind}-{start // RULES_PER_GROUP + 1}", found[start : start + RULES_PER_GROUP])
        for kind, found in (("recordings", rule_file.recordings(rules)), ("alerts", rule_file.alerts(rules)))
        for start in range(0, len(found), RULES_PER_GROUP)
    )


def alert_manager(topics: Mapping[Severity, str], region: str) -> str:
    """The definition: by severity to its topic, resolved alerts too, one message for all series of an alert
    (docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-receiver-config.html).
    """
    configuration = {
        "route": {
            "receiver": "ticket",
            "group_by": ["service", "alertname"],
            "group_wait": "30s",
            "group_interval": "5m",
            "routes": [
                {
                    "receiver": severity,
                    "matchers": [f'severity="{severity}"'],
                    "repeat_interval": _REPEATED[severity],
                }
                for severity in topics
            ],
        },
        "inhibit_rules": list(INHIBITIONS),
        "receivers": [
            {
                "name": severity,
                "sns_configs": [
                    {
                        "topic_arn": arn,
                        "sigv4": {"region": region},
                        "send_resolved": True,
                        "subject": "{{ .Status | toUpper }}: " + _NAME,
                        "message": _message(region),
                    }
                ],
            }
            for severity, arn in topics.items()
        ],
    }
    return json.dumps({"alertmanager_config": json.dumps(configuration, indent=2)})


def _message(region: str) -> str:
    """A notification in the form of CloudWatch's (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
    Notify_Users_Alarm_Changes.html)."""
    fields = {
        "AlarmName": _NAME,
        "AlarmDescription": _SUMMARIES,
        "NewStateValue": '{{ if eq .Status "firing" }}ALARM{{ else }}OK{{ end }}',
        "NewStateReason": _REASONS,
        "StateChangeTime": '{{ (index .Alerts 0).StartsAt.Format "2006-01-02T15:04:05.000-0700" }}',
        "Region": region,
    }
    return "{" + ",".join(f'"{key}":"{value}"' for key, value in fields.items()) + "}"
