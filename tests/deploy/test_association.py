"""deploy/association.yaml: what it runs on an instance, run here."""

import ast
import subprocess

import pytest
from template import load

TEMPLATE = "association.yaml"
HASHES = {"PackageArm64": "envguard.aarch64.rpm", "Sha256Arm64": "a" * 64}


def test_the_document_is_created_and_the_association_is_not(account):
    created, _ = account.deploy(TEMPLATE, Environments="develop", **HASHES)
    # moto knows no associations by CloudFormation; that is read from the template.
    assert set(created) == {"Document"}


def test_the_association_fits_its_document():
    resources = load(TEMPLATE)["Resources"]
    association = resources["Association"]["Properties"]
    assert set(association["Parameters"]) == set(resources["Document"]["Properties"]["Content"]["parameters"])
    assert association["Targets"] == [{"Key": "tag:envguard:environment", "Values": {"Ref": "Environments"}}]
    # One after the other, and none after a failure.
    assert (association["MaxConcurrency"], association["MaxErrors"]) == ("1", "0")
    # The instance's role may read this parameter and no other.
    name = association["Parameters"]["Parameter"][0]["Fn::If"][1]
    role = load("kubectl-instance.yaml")["Resources"]["Role"]["Properties"]["Policies"]
    [deny] = [p["PolicyDocument"]["Statement"][0] for p in role if p["PolicyName"] == "parameters"]
    assert f"parameter{name}" in str(deny["NotResource"])


class Machine:
    """An instance: where user-data.sh and kubectl would lie is another directory."""

    def __init__(self, account, place, kind):
        created, _ = account.deploy(TEMPLATE, Environments="develop", **HASHES)
        content = ast.literal_eval(account.client("ssm").get_document(Name=created["Document"])["Content"])
        [self.script] = content["mainSteps"][0]["inputs"]["runCommand"]
        self.place = place
        (place / "user-data.sh").write_text(f'echo "$@" >{place}/called\n')
        for name, text in (("uname", f"echo {kind}"), ("sleep", f"echo x >>{place}/slept")):
            (place / name).write_text(f"#!/bin/sh\n{text}\n")
            (place / name).chmod(0o755)
        (place / "kubectl").touch(mode=0o755)

    def run(self, **given):
        script = self.script.replace("/etc/envguard-deploy", str(self.place)).replace("/usr/bin", str(self.place))
        given = {"PackageX8664": "", "Sha256X8664": "", "Parameter": "", **HASHES, **given}
        for name, value in given.items():
            script = script.replace("{{ %s }}" % name, value)
        assert "{{" not in script
        path = f"{self.place}:/usr/bin:/bin"
        return subprocess.run(["sh", "-c", script], env={"PATH": path}, capture_output=True, text=True, check=False)

    @property
    def called(self):
        return (self.place / "called").read_text().split()


def test_the_architecture_chooses_the_package(account, tmp_path):
    machine = Machine(account, tmp_path, "aarch64")
    done = machine.run(Parameter="/envguard/policy")
    assert done.returncode == 0, done.stderr
    assert machine.called == ["update", "envguard.aarch64.rpm", "a" * 64, "/envguard/policy"]
    (tmp_path / "uname").write_text("#!/bin/sh\necho x86_64\n")
    done = machine.run()
    assert (done.returncode, "no package is named for x86_64" in done.stderr) == (1, True)
    assert machine.run(PackageX8664="envguard.x86_64.rpm", Sha256X8664="b" * 64).returncode == 0
    assert machine.called == ["update", "envguard.x86_64.rpm", "b" * 64]


def test_a_new_instance_is_waited_for(account, tmp_path):
    machine = Machine(account, tmp_path, "aarch64")
    (tmp_path / "kubectl").unlink()
    (tmp_path / "sleep").write_text(f"#!/bin/sh\ntouch {tmp_path}/kubectl\nchmod 755 {tmp_path}/kubectl\n")
    assert machine.run().returncode == 0
    assert machine.called[0] == "update"


def test_an_instance_that_never_gets_ready_fails(account, tmp_path):
    machine = Machine(account, tmp_path, "aarch64")
    (tmp_path / "kubectl").unlink()
    done = machine.run()
    assert (done.returncode, "not set up" in done.stderr) == (1, True)
    assert len((tmp_path / "slept").read_text().splitlines()) == 60
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize("name", ["PackageArm64", "Sha256Arm64", "PackageX8664", "Sha256X8664", "Parameter"])
def test_no_parameter_can_leave_its_quotes(name):
    import re

    pattern = load(TEMPLATE)["Resources"]["Document"]["Properties"]["Content"]["parameters"][name]["allowedPattern"]
    for evil in ("'", '"', "$", "`", "\\", "\n", ";", "&", "|", " "):
        assert not re.fullmatch(pattern, f"a{evil}b")
