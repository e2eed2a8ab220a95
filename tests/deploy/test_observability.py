"""deploy/observability.yaml: the filters on lines that envguard has written, and the fragment of the agent."""

import ast
import json
import re
import subprocess

import pytest
from conftest import REGION
from iam import hold, managed_policy
from template import load
from test_user_data import AS_OPERATOR, scratch, stripped  # noqa: F401 (fixtures)

TEMPLATE = "observability.yaml"


def test_each_resource_is_created_or_known_not_to_be(account):
    created, outputs = account.deploy(TEMPLATE, Environment="develop", Email="ops@example.com")
    # What moto does not make by CloudFormation is read from the template.
    missing = {"AgentAssociation", "BreakGlass", "Refused", "BreakGlassAlarm", "RefusedAlarm"}
    assert set(created) == set(load(TEMPLATE)["Resources"]) - missing
    group = account.client("logs").describe_log_groups()["logGroups"][0]
    assert (group["logGroupName"], group["retentionInDays"]) == (outputs["LogGroupName"], 365)


def test_an_alarm_watches_what_a_filter_counts(account):
    resources = load(TEMPLATE)["Resources"]
    for name, alarm in (("BreakGlass", "BreakGlassAlarm"), ("Refused", "RefusedAlarm")):
        [counted] = resources[name]["Properties"]["MetricTransformations"]
        watched = resources[alarm]["Properties"]
        assert (counted["MetricNamespace"], counted["MetricName"]) == (watched["Namespace"], watched["MetricName"])
        # Instances that sleep are no alarm, and with neither topic nor address there is nobody to tell.
        assert watched["TreatMissingData"] == "notBreaching"
        nobody, somebody = watched["AlarmActions"]["Fn::If"][1:]
        assert nobody == {"Ref": "AWS::NoValue"}
        assert somebody == [{"Fn::If": ["HasTopic", {"Ref": "TopicArn"}, {"Ref": "Topic"}]}]
        account.client("logs").create_log_group(logGroupName=name)
        account.client("logs").put_metric_filter(
            logGroupName=name,
            filterName=name,
            filterPattern=pattern(name),
            metricTransformations=[{"metricName": "x", "metricNamespace": "envguard", "metricValue": "1"}],
        )


def pattern(name):
    return load(TEMPLATE)["Resources"][name]["Properties"]["FilterPattern"]


def matches(pattern, event):
    """As CloudWatch Logs documents JSON patterns, so far as these two use them."""
    terms = re.fullmatch(r"\{ (.*) \}", pattern)[1].split(" && ")
    for term in terms:
        path, test = re.fullmatch(r"\(\$\.([\w.\[\]]+) (.*)\)", term).groups()
        value = event
        for key in re.findall(r"\w+", path):
            try:
                value = value[int(key)] if key.isdigit() else value[key]
            except (KeyError, IndexError):
                return False
        if test == "IS TRUE":
            holds = value is True
        else:
            wanted = re.fullmatch(r'= "([\w*-]+)"', test)[1]
            holds = isinstance(value, str) and (wanted == "*" or value == wanted)
        if not holds:
            return False
    return True


def test_the_filters_find_break_glass_and_refusals(scratch):  # noqa: F811
    after = AS_OPERATOR + """
cd /srv/manifests
operator kubectl-envguard -- version --client
operator kubectl-envguard apply -k overlays/prod || echo "prod: $?"
operator kubectl-envguard --confirm develop apply -k overlays/develop || echo "develop: $?"
operator kubectl-envguard --break-glass 'payments are down' --confirm develop apply -k /srv/manifests/overlays/prod || :
cat /var/log/envguard/audit-*.jsonl
"""
    scratch.prologue += "install -d -m 1733 /var/log/envguard\n"
    assert scratch.run(after) == 0, scratch.output
    events = [json.loads(line) for line in scratch.output.splitlines() if line.startswith("{")]
    told = lambda name: [(e["argv"][0], e["event"], e["verdict"]) for e in events if matches(pattern(name), e)]
    assert told("Refused") == [("apply", "judged", "refuse")]
    assert told("BreakGlass") == [("apply", "confirmed", "ask")]
    assert len(events) == 4, events


class Agent:
    """What the document does on an instance, with the agent's program stubbed."""

    def __init__(self, account, place):
        created, self.outputs = account.deploy(TEMPLATE, Environment="develop")
        content = ast.literal_eval(account.client("ssm").get_document(Name=created["AgentDocument"])["Content"])
        [script] = content["mainSteps"][0]["inputs"]["runCommand"]
        self.place = place
        self.script = script.replace("/etc/", f"{place}/etc/").replace("/opt/", f"{place}/opt/")
        self.program = place / "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
        self.program.parent.mkdir(parents=True)
        self.stub(place / "dnf", f'echo "$@" >{place}/installed; exit 1')

    @staticmethod
    def stub(path, text):
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(self):
        path = f"{self.place}:/usr/bin:/bin"
        return subprocess.run(["sh", "-c", self.script], env={"PATH": path}, capture_output=True, text=True, check=False)


def test_the_agent_gets_the_fragment(account, tmp_path):
    agent = Agent(account, tmp_path)
    agent.stub(agent.program, f'echo "$@" >{tmp_path}/called')
    done = agent.run()
    assert done.returncode == 0, done.stderr
    *options, source = (tmp_path / "called").read_text().split()
    assert options == ["-a", "append-config", "-m", "ec2", "-s", "-c"]
    fragment = json.loads(open(source.removeprefix("file:")).read())
    [entry] = fragment["logs"]["logs_collected"]["files"]["collect_list"]
    assert entry["log_group_name"] == agent.outputs["LogGroupName"]
    # A file for each user: without this only the newest is followed.
    assert entry["publish_multi_logs"] is True
    assert entry["file_path"] == "/var/log/envguard/audit-*.jsonl"
    assert entry["log_stream_name"] == "{instance_id}"
    assert json.loads(agent.outputs["AgentConfiguration"]) == fragment
    assert not (tmp_path / "installed").exists()


def test_without_agent_and_without_dnf_it_fails(account, tmp_path):
    agent = Agent(account, tmp_path)
    done = agent.run()
    assert (done.returncode, "cannot install it" in done.stderr) == (1, True)
    assert (tmp_path / "installed").read_text().endswith("amazon-cloudwatch-agent\n")


@pytest.mark.parametrize(("given", "made"), [({}, False), ({"TopicArn": "arn:aws:sns:us-east-1:1:t"}, False), ({"Email": "a@b"}, True)])
def test_a_topic_is_made_only_when_it_is_needed(account, given, made):
    created, _ = account.deploy(TEMPLATE, Environment="develop", InstallAgent="no", **given)
    assert ("Topic" in created) is made
    assert "AgentDocument" not in created


def test_the_instance_writes_and_reads_nothing(account):
    created, outputs = account.deploy(TEMPLATE, Environment="develop")
    number = account.client("sts").get_caller_identity()["Account"]
    stream = f"arn:aws:logs:{REGION}:{number}:log-group:{outputs['LogGroupName']}:log-stream:i-0"
    hold(
        [
            ("allowed", "logs:PutLogEvents", stream, {}),
            ("denied", "logs:PutLogEvents", stream.replace("observability", "production"), {}),
            ("denied", "logs:GetLogEvents", stream, {}),
            ("denied", "logs:DeleteLogStream", stream, {}),
        ],
        [managed_policy(account.client("iam"), created["InstancePolicy"])],
        f"arn:aws:sts::{number}:assumed-role/instance/i-0123456789abcdef0",
        number,
    )
