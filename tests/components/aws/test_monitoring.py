from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.agent import WRITE_FAILURES
from components.aws.prometheus_alerts import RULES_PER_GROUP, alert_manager, rule_groups
from components.aws.topics import subscription
from components.spec import Receiver, UnsupportedError
from observability.inhibition import INHIBITIONS
from observability.rules import AlertRule, RecordingRule, Rules
from tests.components.aws.fakes import REGION, WORKSPACE, arn
from tests.components.harness import Run, Secret

Stack = Callable[..., Run]
TOPIC = arn("sns", "page")
PAGE, TICKET = "monitoring-topics-page-arn", "monitoring-topics-ticket-arn"


def alert(number: int = 0) -> AlertRule:
    return AlertRule(
        name=f"Down{number}",
        expr='up{job="service"} == 0',
        hold_seconds=60,
        severity="page",
        summary='A replica "is" down',
        description="{{ $labels.replica }} answers nothing",
        runbook="https://example.org/runbooks/down",
        service="mlplatform-aws-prod",
    )


def alarm(run: Run, part: str) -> dict[str, Any]:
    return run.one("cloudwatch/metricAlarm:MetricAlarm", part).inputs


def test_rules_reach_prometheus_with_severity_hold_and_runbook() -> None:
    rules = Rules(recordings=(RecordingRule(record="job:up:sum", expr="sum(up)"),), alerts=(alert(),))
    recordings, alerts = json.loads(rule_groups(rules))["groups"]
    assert recordings["rules"] == [{"record": "job:up:sum", "expr": "sum(up)"}]
    (rule,) = alerts["rules"]
    assert (rule["alert"], rule["for"], rule["labels"]) == (
        "Down0",
        "60s",
        {"severity": "page", "service": "mlplatform-aws-prod"},
    )
    assert rule["annotations"]["runbook_url"] == "https://example.org/runbooks/down"


def test_no_group_holds_more_rules_than_the_service_takes() -> None:
    groups = json.loads(rule_groups(Rules(alerts=tuple(alert(number) for number in range(45)))))["groups"]
    assert [len(group["rules"]) for group in groups] == [RULES_PER_GROUP, RULES_PER_GROUP, 5]
    assert len({group["name"] for group in groups}) == 3


def test_the_alert_manager_sends_each_severity_to_its_topic() -> None:
    text = alert_manager({"page": "arn:page", "ticket": "arn:ticket"}, REGION)
    configuration = json.loads(json.loads(text)["alertmanager_config"])
    topics = {receiver["name"]: receiver["sns_configs"][0]["topic_arn"] for receiver in configuration["receivers"]}
    assert topics == {"page": "arn:page", "ticket": "arn:ticket"}
    routes = {route["receiver"]: route["matchers"] for route in configuration["route"]["routes"]}
    assert routes == {"page": ['severity="page"'], "ticket": ['severity="ticket"']}
    assert {receiver["sns_configs"][0]["sigv4"]["region"] for receiver in configuration["receivers"]} == {REGION}


@pytest.mark.prometheus
def test_prometheus_and_its_alert_manager_take_the_texts(tmp_path: Path) -> None:
    definition = json.loads(alert_manager({"page": TOPIC, "ticket": TOPIC}, REGION))["alertmanager_config"]
    checks = {
        "alertmanager.yml": (definition, ["amtool", "check-config"]),
        "rules.yml": (rule_groups(Rules(alerts=(alert(),))), ["promtool", "check", "rules"]),
    }
    for name, (text, command) in checks.items():
        file = tmp_path / name
        file.write_text(text)
        found = subprocess.run([*command, str(file)], capture_output=True, text=True)
        assert found.returncode == 0, found.stdout + found.stderr


def test_one_message_tells_of_all_series_of_an_alert_again_until_it_ends_and_of_nothing_that_another_explains() -> None:
    text = alert_manager({"page": TOPIC, "ticket": TOPIC}, REGION)
    configuration = json.loads(json.loads(text)["alertmanager_config"])
    assert configuration["route"]["group_by"] == ["service", "alertname"]
    repeated = {route["receiver"]: route["repeat_interval"] for route in configuration["route"]["routes"]}
    assert repeated == {"page": "1h", "ticket": "1d"}
    assert configuration["inhibit_rules"] == list(INHIBITIONS)


@pytest.mark.prometheus
def test_each_alert_reaches_the_topic_of_its_severity(tmp_path: Path) -> None:
    (tmp_path / "am.yml").write_text(
        json.loads(alert_manager({"page": TOPIC, "ticket": TOPIC}, REGION))["alertmanager_config"]
    )

    def receiver(*labels: str) -> str:
        command = ["amtool", "config", "routes", "test", f"--config.file={tmp_path}/am.yml", *labels]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert receiver("alertname=Down", "severity=page") == "page"
    assert receiver("alertname=Drift", "severity=ticket") == "ticket"
    assert receiver("alertname=Unforeseen") == "ticket"


@pytest.mark.prometheus
def test_a_message_is_json_in_the_form_of_cloudwatchs_whatever_the_alert_says(tmp_path: Path) -> None:
    definition = json.loads(json.loads(alert_manager({"page": TOPIC}, REGION))["alertmanager_config"])
    template = definition["receivers"][0]["sns_configs"][0]["message"]
    firing = {
        "status": "firing",
        "labels": {"alertname": "Down", "service": "mlplatform-aws-prod"},
        "annotations": {"summary": 'a "quoted" word', "description": "back\\slash,\nnew line"},
        "startsAt": "2026-01-02T03:04:05.678Z",
    }
    data = {"status": "firing", "receiver": "page", "alerts": [firing, firing], "commonLabels": firing["labels"]}
    (tmp_path / "data.json").write_text(json.dumps(data))
    (tmp_path / "none.tmpl").write_text("")
    render = ["amtool", "template", "render", f"--template.glob={tmp_path}/none.tmpl", f"--template.text={template}"]
    found = subprocess.run(
        [*render, f"--template.data={tmp_path}/data.json"], capture_output=True, text=True, check=True
    )
    message = json.loads(found.stdout)
    assert (message["AlarmName"], message["NewStateValue"], message["Region"]) == (
        "mlplatform-aws-prod Down",
        "ALARM",
        REGION,
    )
    assert message["AlarmDescription"] == "a 'quoted' word; a 'quoted' word; "
    assert message["NewStateReason"].startswith("back'slash,'new line; ")
    assert message["StateChangeTime"] == "2026-01-02T03:04:05.678+0000"


def test_the_stack_hands_the_definition_to_its_workspace(stack: Stack) -> None:
    definition = stack("dev").one("AlertManagerDefinition").inputs
    assert definition["workspaceId"] == "telemetry-id"
    assert PAGE in definition["definition"]


def test_topics_are_encrypted_and_take_from_this_workspace_these_alarms_and_event_rules(stack: Stack) -> None:
    run = stack("prod")
    assert {topic.inputs["kmsMasterKeyId"] for topic in run.of("sns/topic:Topic")} == {arn("kms", "key/account")}
    workspace, alarms, events = json.loads(run.one("TopicPolicy", "page").inputs["policy"])["Statement"]
    assert workspace["Principal"] == {"Service": "aps.amazonaws.com"}
    assert workspace["Condition"]["ArnEquals"] == {"aws:SourceArn": arn("aps", f"workspace/{WORKSPACE}")}
    assert alarms["Condition"]["ArnLike"] == {"aws:SourceArn": arn("cloudwatch", "alarm:*")}
    assert events["Principal"] == {"Service": "events.amazonaws.com"}
    assert {statement["Resource"] for statement in (workspace, alarms, events)} == {PAGE}


def test_receivers_listen_to_the_severities_they_name(stack: Stack) -> None:
    run = stack("dev")
    found = {(s.inputs["protocol"], s.inputs["topic"]) for s in run.of("sns/topicSubscription:TopicSubscription")}
    assert found == {("https", PAGE), ("email", PAGE), ("email", TICKET)}
    assert isinstance(run.one("TopicSubscription", "oncall").inputs["endpoint"], Secret)


def test_slack_is_refused_by_name_before_anything_is_made() -> None:
    with pytest.raises(UnsupportedError, match=r"Slack receiver 'chat'.*use a webhook"):
        subscription(Receiver(name="chat", kind="slack", address="https://hooks.slack.com/x"))


def test_on_call_services_are_reached_through_their_own_addresses(stack: Stack) -> None:
    run = stack("dev", "changed")
    endpoints = {s.name: s.inputs["endpoint"] for s in run.of("sns/topicSubscription:TopicSubscription")}
    assert endpoints == {
        "monitoring-topics-pd-page": Secret("https://events.pagerduty.com/integration/k1/enqueue"),
        "monitoring-topics-og-ticket": Secret("https://api.opsgenie.com/v1/json/cloudwatch?apiKey=k1"),
    }


def test_no_healthy_replica_is_a_page_even_when_nothing_is_reported(stack: Stack) -> None:
    found = alarm(stack("prod"), "stable-no-healthy-host")
    assert (found["metricName"], found["comparisonOperator"], found["threshold"]) == (
        "HealthyHostCount",
        "LessThanThreshold",
        1,
    )
    assert found["treatMissingData"] == "breaching"
    assert found["alarmActions"] == found["okActions"] == [PAGE]


def test_errors_of_the_load_balancer_and_of_the_service_are_told_apart(stack: Stack) -> None:
    run = stack("prod")
    assert alarm(run, "balancer-5xx")["metricName"] == "HTTPCode_ELB_5XX_Count"
    assert set(alarm(run, "balancer-5xx")["dimensions"]) == {"LoadBalancer"}
    assert alarm(run, "stable-target-5xx")["metricName"] == "HTTPCode_Target_5XX_Count"
    assert set(alarm(run, "stable-target-5xx")["dimensions"]) == {"LoadBalancer", "TargetGroup"}


def test_what_happens_to_the_candidate_wakes_nobody(stack: Stack) -> None:
    run = stack("dev", "candidate")
    own = [found.inputs for found in run.of("MetricAlarm") if "candidate" in found.name]
    assert len(own) == 3
    assert all(found["alarmActions"] == [TICKET] for found in own)
    assert not [found for found in stack("dev").of("MetricAlarm") if "candidate" in found.name]


def test_the_fargate_quota_is_watched(stack: Stack) -> None:
    used, share = alarm(stack("dev"), "quota")["metricQueries"]
    assert used["metric"]["dimensions"]["Service"] == "Fargate"
    assert share["expression"] == "used / SERVICE_QUOTA(used) * 100"


def test_an_agent_that_cannot_write_is_found_in_its_log(stack: Stack) -> None:
    run = stack("prod")
    lines = run.one("LogMetricFilter").inputs
    assert lines["logGroupName"] == run.one("LogGroup", "service").inputs["name"]
    assert lines["pattern"] == " ".join(f'?"{message}"' for message in WRITE_FAILURES)
    found = alarm(run, "agent-not-writing")
    transformation = lines["metricTransformation"]
    assert (found["namespace"], found["metricName"]) == (transformation["namespace"], transformation["name"])
    assert found["alarmActions"] == [TICKET]


def test_a_task_that_never_starts_and_a_deployment_taken_back_are_reported(stack: Stack) -> None:
    run = stack("dev")
    patterns = {
        rule.name.removeprefix("monitoring-alarms-"): json.loads(rule.inputs["eventPattern"])
        for rule in run.of("cloudwatch/eventRule:EventRule")
    }
    start = patterns["task-failed-to-start"]
    assert start["detail"]["stopCode"] == ["TaskFailedToStart"]
    assert start["detail"]["clusterArn"] == ["compute-arn"]
    assert patterns["deployment-failed"]["resources"] == ["compute-stable-arn"]
    assert patterns["deployment-failed"]["detail"] == {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]}
    assert patterns["container-failed"]["detail"]["containers"] == {"exitCode": [{"anything-but": 0}]}
    for target in run.of("cloudwatch/eventTarget:EventTarget"):
        assert "roleArn" not in target.inputs
        template = target.inputs["inputTransformer"]["inputTemplate"]
        assert json.loads(template.replace("<reason>", '"x"').replace("<what>", '"y"'))["NewStateValue"] == "ALARM"


def test_the_dashboard_shows_every_running_release(stack: Stack) -> None:
    run = stack("dev", "candidate")
    page = run.one("cloudwatch/dashboard:Dashboard").inputs
    widgets = json.loads(page["dashboardBody"])["widgets"]
    requests = next(widget for widget in widgets if widget["properties"]["title"] == "Requests a minute")
    assert [metric[-1]["label"] for metric in requests["properties"]["metrics"]] == ["stable", "candidate"]
    assert len({(widget["x"], widget["y"]) for widget in widgets}) == len(widgets)
    assert run.outputs["dashboardUrl"].endswith(f"#dashboards/dashboard/{page['dashboardName']}")
    assert run.one("LogGroup", "service").inputs["name"] in run.outputs["logsUrl"]
