"""deploy/README.md is true of what lies beside it."""

import re
import shlex

import pytest
from template import DEPLOY, load

TEXT = (DEPLOY / "README.md").read_text()
TEMPLATES = sorted(path.name for path in DEPLOY.glob("*.yaml"))
# What check.sh and artifacts.sh print at least, when nothing is missing: their own tests hold them to it.
PRINTED = {
    "develop.parameters": {"ClusterName", "ClusterSecurityGroupId", "ClusterAccess", "VpcId", "SubnetId"},
    "artifacts.parameters": {"ArtifactBucket", "ArtifactPrefix", "UserDataSha256", "EnvguardPackage", "EnvguardSha256"},
}


def commands():
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", TEXT, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def deployments():
    return [shlex.split(line) for line in commands() if "cloudformation deploy" in line]


def test_every_template_is_deployed_once():
    named = sorted(words[words.index("--template-file") + 1] for words in deployments())
    assert named == [f"deploy/{name}" for name in TEMPLATES]


@pytest.mark.parametrize("words", deployments(), ids=lambda words: words[words.index("--stack-name") + 1])
def test_a_deployment_states_what_its_template_asks_for(words):
    template = load(words[words.index("--template-file") + 1].removeprefix("deploy/"))
    given = {}
    for word in words[words.index("--parameter-overrides") + 1 :]:
        name, _, value = word.partition("=")
        given |= {name: value} if value else {}
    for source, names in PRINTED.items():
        if any(source in word for word in words):
            given |= dict.fromkeys(names)
    parameters = template["Parameters"]
    assert set(given) <= set(parameters)
    assert {name for name, p in parameters.items() if "Default" not in p} <= set(given)
    for name, value in given.items():
        pattern = parameters[name].get("AllowedPattern", "").replace(r"\p{L}", "a-z").replace(r"\p{N}", "0-9")
        assert value is None or re.search(pattern, value), name
        assert value is None or value in parameters[name].get("AllowedValues", [value]), name
    makes_roles = any(resource["Type"].startswith("AWS::IAM::") for resource in template["Resources"].values())
    assert ("CAPABILITY_IAM" in words) is makes_roles


def test_what_the_instance_needs_was_made_before():
    # Step by step as written: CodeCommit without its endpoint would be an instance that is not set up.
    given = {}
    for words in deployments():
        template = words[words.index("--template-file") + 1].removeprefix("deploy/")
        given[template] = dict(word.split("=", 1) for word in words if re.match(r"[A-Z]\w*=", word))
    source = load("kubectl-instance.yaml")["Parameters"]["ManifestSource"]["Default"]
    assert given["kubectl-instance.yaml"].get("ManifestSource", source) == "codecommit"
    assert given["endpoints.yaml"]["CodeCommit"] == "yes"


def test_it_says_what_was_never_run():
    said = re.search(r"## What is proven, and what is not\n(.*?)\n## ", TEXT, re.DOTALL)[1]
    assert "No account of AWS" in said
    for word in ("moto", "cfn-lint", "Session Manager", "Automation", "Scheduler", "access entry"):
        assert word in said, word


def test_the_tables_name_what_is_there():
    files = set(re.findall(r"`(?:deploy/)?([\w-]+\.(?:sh|yaml))`", TEXT)) - {"policy.yaml"}
    for name in files:
        assert (DEPLOY / name).exists(), name
    shown = {path.name for path in DEPLOY.glob("*.yaml")}
    shown |= {"check.sh", "artifacts.sh", "session-default.sh", "user-data.sh", "connect.sh", "hold.sh"}
    assert shown <= files
    rows = re.search(r"## Parameters worth a thought\n(.*?)\n\n\*\*", TEXT, re.DOTALL)[1].splitlines()[3:]
    template, checked = None, 0
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        template = load(cells[0].strip("`")) if cells[0] else template
        for name in re.findall(r"`(\w+)`", cells[1]):
            assert name in template["Parameters"], name
            checked += 1
    assert checked > 10


def test_what_operators_type_are_scripts_of_this_directory():
    for line in commands():
        program = shlex.split(line)[0]
        if program.startswith("deploy/"):
            path = DEPLOY.parent / program
            assert path.exists() and path.stat().st_mode & 0o111, program


def test_what_stays_is_what_the_templates_keep():
    kept = {
        (name, resource["Type"])
        for name in TEMPLATES
        for resource in load(name)["Resources"].values()
        if resource.get("DeletionPolicy") == "Retain"
    }
    assert kept == {
        ("session.yaml", "AWS::KMS::Key"),
        ("session.yaml", "AWS::Logs::LogGroup"),
        ("session.yaml", "AWS::S3::Bucket"),
        ("observability.yaml", "AWS::Logs::LogGroup"),
    }
    assert "the log groups, the bucket of the session logs and their key" in TEXT.replace("\n", " ")


def test_every_file_that_is_named_in_deploy_exists():
    for path in [*DEPLOY.glob("*.sh"), *DEPLOY.glob("*.yaml")]:
        for name in re.findall(r"\b((?:deploy|tests/deploy)/[\w./-]+\.(?:sh|yaml|py))\b", path.read_text()):
            assert (DEPLOY.parent / name).exists(), (path.name, name)
