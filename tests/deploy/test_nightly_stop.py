"""deploy/nightly-stop.yaml: the schedule, and the automation document, which is run here step by step."""

import ast
import datetime
import json
import sys
import types
import zoneinfo

import boto3
import pytest
from conftest import REGION, Account
from iam import hold, policies_of_role
from template import load, resources

TEMPLATE = "nightly-stop.yaml"


def test_what_moto_creates(account):
    created, _ = account.deploy(TEMPLATE)
    # moto knows no schedules by CloudFormation; those are read from the template.
    assert set(created) == {"StopRole", "WarnPolicy", "WarnDocument", "StopDocument", "ScheduleRole"}
    simple, _ = account.deploy(TEMPLATE, stack="simple", Form="simple")
    assert set(simple) == {"StopRole", "ScheduleRole"}


def schedules():
    return resources(load(TEMPLATE), "AWS::Scheduler::Schedule")


@pytest.mark.parametrize("name", ["SimpleSchedule", "ConsiderateSchedule"])
def test_the_schedule_says_what_the_service_reads(account, name):
    properties = schedules()[name]["Properties"]
    text = properties["Target"]["Input"]["Fn::Sub"]
    arn = "arn:aws:iam::111111111111:role/stop"
    given = json.loads(text.replace("${StopRole.Arn}", arn).replace("${StopDocument}", "nightly-stop-stop"))
    assert given["Targets"] == [{"Key": "tag:envguard:nightly-stop", "Values": ["yes"]}]
    assert given["Parameters"] == {"AutomationAssumeRole": [arn]}
    # The names are those of the API.
    model = boto3.client("ssm", region_name=REGION).meta.service_model.operation_model("StartAutomationExecution")
    assert set(given) <= set(model.input_shape.members)
    assert properties["Target"]["Arn"]["Fn::Sub"].endswith(":scheduler:::aws-sdk:ssm:startAutomationExecution")
    # The scheduler itself, as moto has it, takes it.
    account.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=load(TEMPLATE)["Parameters"]["Schedule"]["Default"],
        ScheduleExpressionTimezone=load(TEMPLATE)["Parameters"]["TimeZone"]["Default"],
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:scheduler:::aws-sdk:ssm:startAutomationExecution", "RoleArn": arn, "Input": json.dumps(given)},
    )  # fmt: skip


def test_the_simple_form_starts_the_document_of_aws():
    # The evaluator cannot be asked: an ARN without an account is none to it.
    [start, _] = load(TEMPLATE)["Resources"]["ScheduleRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    given = {arn["Fn::Sub"] for arn in start["Resource"]["Fn::If"][1]}
    prefix = "arn:${AWS::Partition}:ssm:${AWS::Region}:"
    assert given == {
        f"{prefix}:document/AWS-StopEC2Instance",
        f"{prefix}:automation-definition/AWS-StopEC2Instance:*",
        f"{prefix}${{AWS::AccountId}}:automation-execution/*",
    }


def test_time_zone_and_hour():
    parameters = load(TEMPLATE)["Parameters"]
    assert zoneinfo.ZoneInfo(parameters["TimeZone"]["Default"])
    fields = parameters["Schedule"]["Default"].removeprefix("cron(").removesuffix(")").split()
    assert len(fields) == 6
    assert "?" in (fields[2], fields[4]), "the service wants one of the two days open"


def documents(account):
    created, _ = account.deploy(TEMPLATE)
    ssm = account.client("ssm")
    read = lambda name: ast.literal_eval(ssm.get_document(Name=created[name])["Content"])
    return read("StopDocument"), read("WarnDocument"), created


class Run:
    """Runs the automation document: the scripts as they are, the rest against moto or written down."""

    def __init__(self, document, account, instance, sessions=(), meanwhile=lambda: None):
        self.account, self.instance, self.sessions = account, instance, list(sessions)
        self.meanwhile, self.trace = meanwhile, []
        steps = {step["name"]: step for step in document["mainSteps"]}
        order = [*steps, None]
        outputs, name = {}, order[0]
        while name:
            step = steps[name]
            after = None if step.get("isEnd") else order[order.index(name) + 1]
            name = self.step(step, outputs) or after

    def step(self, step, outputs):
        inputs = step["inputs"]
        kind = step["action"].removeprefix("aws:")
        if kind == "executeScript":
            answer = self.script(inputs)
            for output in step["outputs"]:
                outputs[f"{step['name']}.{output['Name']}"] = answer[output["Selector"].removeprefix("$.Payload.")]
            self.trace.append((step["name"], answer["decision"]))
        elif kind == "branch":
            for choice in inputs["Choices"]:
                if outputs[choice["Variable"].strip("{} ")] == choice["StringEquals"]:
                    return choice["NextStep"]
        elif kind == "runCommand":
            assert inputs["InstanceIds"] == ["{{ InstanceId }}"]
            self.trace.append(("warn", inputs["Parameters"]))
        elif kind == "sleep":
            self.trace.append(("sleep", inputs["Duration"]))
            self.meanwhile()
        else:
            assert (kind, inputs["DesiredState"]) == ("changeInstanceState", "stopped")
            self.account.client("ec2").stop_instances(InstanceIds=[self.instance])
            self.trace.append(("stop", self.instance))
        return None

    def script(self, inputs):
        ssm = types.SimpleNamespace(describe_sessions=self.describe_sessions)
        module = types.ModuleType("boto3")
        module.client = lambda name: ssm if name == "ssm" else self.account.client(name)
        payload = {k: v.replace("{{ InstanceId }}", self.instance) for k, v in inputs["InputPayload"].items()}
        space = {}
        real, sys.modules["boto3"] = sys.modules["boto3"], module
        try:
            exec(compile(inputs["Script"], "look", "exec"), space)
            return space[inputs["Handler"]](payload, None)
        finally:
            sys.modules["boto3"] = real

    def describe_sessions(self, State, Filters):
        assert (State, Filters) == ("Active", [{"key": "Target", "value": self.instance}])
        return {"Sessions": self.sessions}

    @property
    def stopped(self):
        found = self.account.client("ec2").describe_instances(InstanceIds=[self.instance])
        return found["Reservations"][0]["Instances"][0]["State"]["Name"] == "stopped"


def in_hours(hours):
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    return end.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="module")
def stop_document(moto):
    return documents(Account(moto))[0]


@pytest.fixture
def ground(stop_document, account):
    """The document, and a way to start an instance with a hold."""

    def start(until=None):
        tags = {"envguard:nightly-stop": "yes", **({"envguard:hold-until": until} if until else {})}
        return account.instance(tags)

    return stop_document, account, start


def test_nobody_there_stops_at_once(ground):
    document, account, start = ground
    run = Run(document, account, start())
    assert run.trace == [("look", "stop"), ("stop", run.instance)]
    assert run.stopped


def test_somebody_there_is_warned_first(ground):
    document, account, start = ground
    run = Run(document, account, start(), sessions=[{"SessionId": "alice-0"}])
    assert run.trace == [
        ("look", "warn"),
        ("warn", {"Minutes": "10"}),
        ("sleep", "PT10M"),
        ("lookAgain", "stop"),
        ("stop", run.instance),
    ]
    assert run.stopped


def test_a_hold_is_honoured(ground):
    document, account, start = ground
    run = Run(document, account, start(until=in_hours(2)), sessions=[{"SessionId": "alice-0"}])
    assert (run.trace, run.stopped) == ([("look", "leave")], False)


def test_a_hold_during_the_warning_is_honoured(ground):
    document, account, start = ground
    instance = start()
    tag = {"Key": "envguard:hold-until", "Value": in_hours(1)}
    meanwhile = lambda: account.client("ec2").create_tags(Resources=[instance], Tags=[tag])
    run = Run(document, account, instance, sessions=[{}], meanwhile=meanwhile)
    assert run.trace[-1] == ("lookAgain", "leave")
    assert not run.stopped


@pytest.mark.parametrize("until", ["none", in_hours(-1), in_hours(13), "2099-01-01T00:00:00Z", "tomorrow"])
def test_a_hold_that_is_over_or_endless_does_not_count(ground, until):
    document, account, start = ground
    assert Run(document, account, start(until=until)).stopped


def test_what_does_not_run_is_left_alone(ground):
    document, account, start = ground
    instance = start()
    account.client("ec2").stop_instances(InstanceIds=[instance])
    assert Run(document, account, instance).trace == [("look", "leave")]


def test_the_documents_fit_each_other(account):
    stop, warn, created = documents(account)
    [run] = [step for step in stop["mainSteps"] if step["action"] == "aws:runCommand"]
    assert run["inputs"]["DocumentName"] == created["WarnDocument"]
    assert set(run["inputs"]["Parameters"]) == set(warn["parameters"])
    assert run["onFailure"] == "Continue"
    assert (stop["schemaVersion"], warn["schemaVersion"]) == ("0.3", "2.2")
    [command] = warn["mainSteps"][0]["inputs"]["runCommand"]
    assert command.startswith("kubectl-envguard broadcast '") and command.count("'") == 2
    # Without a kind of target an automation runs on nothing.
    for name in ("StopDocument", "WarnDocument"):
        assert load(TEMPLATE)["Resources"][name]["Properties"]["TargetType"] == "/AWS::EC2::Instance"
    # Only the names of steps that exist, and every script is the same.
    names = {step["name"] for step in stop["mainSteps"]}
    choices = [c for s in stop["mainSteps"] if s["action"] == "aws:branch" for c in s["inputs"]["Choices"]]
    assert {choice["NextStep"] for choice in choices} <= names


def test_the_roles_stop_what_is_tagged_and_nothing_else(account):
    created, _ = account.deploy(TEMPLATE)
    iam, number = account.client("iam"), account.client("sts").get_caller_identity()["Account"]
    instance = f"arn:aws:ec2:{REGION}:{number}:instance/i-0123456789abcdef0"
    tagged = {"aws:ResourceTag/envguard:nightly-stop": "yes"}
    document = lambda name: f"arn:aws:ssm:{REGION}:{number}:document/{name}"
    # Of Systems Manager's actions AWS documents this key, of EC2's the other.
    warned = {"ssm:resourceTag/envguard:nightly-stop": "yes"}
    hold(
        [
            ("allowed", "ec2:StopInstances", instance, tagged),
            ("denied", "ec2:StopInstances", instance, {"aws:ResourceTag/envguard:nightly-stop": "no"}),
            ("denied", "ec2:StopInstances", instance, {}),
            ("denied", "ec2:TerminateInstances", instance, tagged),
            ("denied", "ec2:StartInstances", instance, tagged),
            ("allowed", "ssm:SendCommand", document(created["WarnDocument"]), {}),
            ("denied", "ssm:SendCommand", document("AWS-RunShellScript"), {}),
            ("allowed", "ssm:SendCommand", [document(created["WarnDocument"]), instance], warned),
            ("denied", "ssm:SendCommand", instance, {"ssm:resourceTag/envguard:nightly-stop": "no"}),
            ("denied", "ssm:SendCommand", instance, {}),
            ("allowed", "ssm:DescribeSessions", "*", {}),
            ("denied", "ssm:TerminateSession", f"arn:aws:ssm:{REGION}:{number}:session/alice-0", {}),
        ],
        policies_of_role(iam, created["StopRole"]),
        f"arn:aws:sts::{number}:assumed-role/stop/x",
        number,
    )
    # AWS's own documents belong to no account. The evaluator wants one; with ours the question is the harder one.
    automation = lambda name: [
        document(name),
        f"arn:aws:ssm:{REGION}:{number}:automation-definition/{name}:1",
        f"arn:aws:ssm:{REGION}:{number}:automation-execution/01234567-89ab-cdef-0123-456789abcdef",
    ]
    role = f"arn:aws:iam::{number}:role/{created['StopRole']}"
    hold(
        [
            ("allowed", "ssm:StartAutomationExecution", automation(created["StopDocument"]), {}),
            ("denied", "ssm:StartAutomationExecution", automation("AWS-StopEC2Instance"), {}),
            ("allowed", "iam:PassRole", role, {"iam:PassedToService": "ssm.amazonaws.com"}),
            ("denied", "iam:PassRole", role, {"iam:PassedToService": "ec2.amazonaws.com"}),
            ("denied", "iam:PassRole", f"arn:aws:iam::{number}:role/admin", {"iam:PassedToService": "ssm.amazonaws.com"}),
        ],
        policies_of_role(iam, created["ScheduleRole"]),
        f"arn:aws:sts::{number}:assumed-role/schedule/x",
        number,
    )
