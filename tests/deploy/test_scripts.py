"""connect.sh and hold.sh: against moto with the real AWS CLI, and against a stub for what moto cannot do."""

import os
import re
import subprocess

import pytest
from template import DEPLOY

# Session Manager is not in moto: the stub answers for it, and writes down what is called.
AWS = """#!/bin/sh
echo "aws $*" >>"$STUB/calls"
case "$1 $2" in
    "ssm get-connection-status")
        [ "$(cat "$STUB/after")" != expired ] || { echo ExpiredToken >&2; exit 254; }
        echo x >>"$STUB/asked"
        if [ "$(wc -l <"$STUB/asked")" -gt "$(cat "$STUB/after")" ]; then echo connected; else echo notconnected; fi
        ;;
    "ssm start-session") echo "session opened" ;;
    "ec2 start-instances") if [ -e "$STUB/denied" ]; then echo AccessDenied >&2; exit 254; else exec "$REAL_AWS" "$@"; fi ;;
    *) exec "$REAL_AWS" "$@" ;;
esac
"""


class Desk:
    """An operator's own machine."""

    def __init__(self, account, place, aws):
        self.account, self.place, self.aws = account, place, aws
        for name, text in (("aws", AWS), ("session-manager-plugin", "#!/bin/sh\n")):
            (place / name).write_text(text)
            (place / name).chmod(0o755)
        (place / "after").write_text("2")

    def instance(self, environment, state="running", document="envguard-develop"):
        tags = {"envguard:environment": environment, "envguard:cluster": f"{environment}-eks"}
        if document:
            tags["envguard:session-document"] = document
        name = self.account.instance(tags)
        ec2 = self.account.client("ec2")
        if state == "stopped":
            ec2.stop_instances(InstanceIds=[name])
        if state == "terminated":
            ec2.terminate_instances(InstanceIds=[name])
        return name

    def describe(self, name):
        found = self.account.client("ec2").describe_instances(InstanceIds=[name])
        return found["Reservations"][0]["Instances"][0]

    def tag(self, name):
        tags = {tag["Key"]: tag["Value"] for tag in self.describe(name)["Tags"]}
        return tags.get("envguard:hold-until")

    def run(self, script, *words, path=None):
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": self.account.address,
            "STUB": str(self.place),
            "REAL_AWS": str(self.aws),
            "CONNECT_PAUSE": "0",
            "PATH": path or f"{self.place}:{os.environ['PATH']}",
        }
        return subprocess.run(
            ["sh", DEPLOY / script, *words], env=environment, capture_output=True, text=True, check=False
        )

    @property
    def calls(self):
        return (self.place / "calls").read_text()


@pytest.fixture
def desk(account, tmp_path, aws):
    return Desk(account, tmp_path, aws)


def test_connect_wakes_waits_and_connects(desk):
    name = desk.instance("develop", state="stopped")
    desk.instance("production")
    desk.instance("develop", state="terminated")
    done = desk.run("connect.sh", "develop")
    assert done.returncode == 0, done.stderr
    assert desk.describe(name)["State"]["Name"] == "running"
    assert done.stdout == "session opened\n"
    assert f"Connecting to {name}: develop, cluster develop-eks." in done.stderr
    assert f"ssm start-session --target {name} --document-name envguard-develop\n" in desk.calls
    assert desk.calls.count("get-connection-status") == 3


def test_connect_does_not_start_what_runs(desk):
    name = desk.instance("develop", document=None)
    done = desk.run("connect.sh", "develop")
    assert done.returncode == 0, done.stderr
    assert "start-instances" not in desk.calls
    assert f"ssm start-session --target {name}\n" in desk.calls


def test_wake_only(desk):
    desk.instance("develop", state="stopped")
    (desk.place / "session-manager-plugin").unlink()
    done = desk.run("connect.sh", "--wake-only", "develop")
    assert (done.returncode, "is awake: develop" in done.stderr) == (0, True), done.stderr
    assert "start-session" not in desk.calls


@pytest.mark.parametrize("script", ["connect.sh", "hold.sh"])
@pytest.mark.parametrize("word", ["*", "dev*", "develop,production", "d?velop", "", "d'", '"develop"', "{x}", "[x]", "a=b", "a\\b"])
def test_a_pattern_is_no_environment(desk, script, word):
    desk.instance("production")
    done = desk.run(script, word)
    assert done.returncode == 1
    assert "is no environment" in done.stderr


def test_connect_names_what_there_is(desk):
    desk.instance("develop")
    desk.instance("production")
    done = desk.run("connect.sh", "staging")
    assert done.returncode == 1
    assert "there is no kubectl instance for 'staging'" in done.stderr
    assert "develop production" in done.stderr


def test_of_two_one_must_be_named(desk):
    first, second = desk.instance("develop"), desk.instance("develop")
    done = desk.run("connect.sh", "develop")
    assert done.returncode == 1
    assert first in done.stderr and second in done.stderr
    assert desk.run("connect.sh", "--instance", second, "develop").returncode == 0
    assert f"--target {second}" in desk.calls
    # An id, no pattern.
    done = desk.run("connect.sh", "--instance", "i-.*", "develop")
    assert (done.returncode, "there is no kubectl instance i-.*" in done.stderr) == (1, True)


@pytest.mark.parametrize("name", ["prod eu", "本番", "develop-2.x_y"])
def test_a_name_may_have_blanks_and_any_letter(desk, name):
    desk.instance("prod")
    own = desk.instance(name)
    done = desk.run("connect.sh", name)
    assert (done.returncode, f"Connecting to {own}: {name}, cluster" in done.stderr) == (0, True), done.stderr


def test_credentials_that_end_while_it_waits_end_it(desk):
    desk.instance("develop")
    (desk.place / "after").write_text("expired")
    done = desk.run("connect.sh", "develop")
    assert (done.returncode, "sign in again" in done.stderr) == (1, True), done.stderr
    assert desk.calls.count("get-connection-status") == 1


def test_connect_says_why_not(desk):
    desk.instance("develop", state="stopped")
    (desk.place / "denied").touch()
    done = desk.run("connect.sh", "develop")
    assert (done.returncode, "it cannot be started" in done.stderr) == (1, True)
    (desk.place / "denied").unlink()
    (desk.place / "after").write_text("1000")
    done = desk.run("connect.sh", "develop")
    assert (done.returncode, "does not come up" in done.stderr) == (1, True)
    assert "get-console-output" in done.stderr
    (desk.place / "session-manager-plugin").unlink()
    done = desk.run("connect.sh", "develop")
    assert (done.returncode, "session-manager-plugin" in done.stderr) == (1, True)
    assert desk.run("connect.sh").returncode == 64
    assert desk.run("connect.sh", "--help").returncode == 64


@pytest.mark.parametrize(("word", "minutes"), [("2h", 120), ("90m", 90), ("12h", 720), ("08m", 8)])
def test_hold_writes_when_it_ends(desk, word, minutes):
    import datetime

    name = desk.instance("develop")
    before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    done = desk.run("hold.sh", "develop", word)
    after = datetime.datetime.now(datetime.timezone.utc)
    assert done.returncode == 0, done.stderr
    until = datetime.datetime.strptime(desk.tag(name), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    span = datetime.timedelta(minutes=minutes)
    assert before + span <= until <= after + span
    assert desk.tag(name) in done.stderr


def test_hold_ends_and_is_shown(desk):
    name = desk.instance("develop")
    desk.run("hold.sh", "develop", "2h")
    shown = desk.run("hold.sh", "develop")
    assert f"held until {desk.tag(name)}" in shown.stderr
    assert desk.run("hold.sh", "develop", "none").returncode == 0
    assert desk.tag(name) == "none"


@pytest.mark.parametrize("word", ["13h", "0m", "0h", "2d", "h", "-1h", "99999h", "1.5h", "2h;x", "721m"])
def test_hold_wants_a_time(desk, word):
    name = desk.instance("develop")
    done = desk.run("hold.sh", "develop", word)
    assert done.returncode == 1, done.stderr
    assert re.search(r"is no time|is more than 12h", done.stderr)
    assert desk.tag(name) is None


def test_hold_of_what_sleeps_says_so(desk):
    desk.instance("develop", state="stopped")
    done = desk.run("hold.sh", "develop", "2h")
    assert "a hold does not start it" in done.stderr
