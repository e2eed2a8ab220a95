"""Who may do what, by a real evaluator of IAM policies (@cloud-copilot/iam-simulate).

It evaluates one resource at a time, with every condition operator, and refuses unknown actions,
resources that an action does not have and context keys that do not exist. What it cannot know: which
context keys AWS really sends (a tag of the instance with StartSession, say; the tables state them as
AWS documents them), trust policies and key policies, which are checked on their own.
"""

import ast
import json
import os
import shutil
import subprocess
from pathlib import Path

from template import DEPLOY

TOOL = Path(os.environ.get("ENVGUARD_TEST_TOOLS", DEPLOY.parent / "target/tools")) / "iam"


def node():
    """The machine's node; one of its absence is said by tests/tools.sh."""
    return shutil.which("node") or "node"


def decide(requests):
    """One decision ("Allowed", "ImplicitlyDenied", "ExplicitlyDenied") for each request."""
    answer = subprocess.run(
        [node(), Path(__file__).with_name("iam.mjs"), TOOL],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    decisions = json.loads(answer.stdout)
    for request, decision in zip(requests, decisions, strict=True):
        assert "error" not in decision, (request["action"], request["resource"], decision["error"])
    return [decision["result"] for decision in decisions]


def hold(table, policies, principal, account):
    """Asserts a table of (expected, action, resource or resources, context); all resources must be allowed."""
    requests, rows = [], []
    for expected, action, resources, context in table:
        resources = [resources] if isinstance(resources, str) else resources
        rows.append((expected, action, resources, context))
        requests += [
            {
                "policies": policies,
                "principal": principal,
                "action": action,
                "resource": resource,
                "context": context,
                "account": account,
            }
            for resource in resources
        ]
    decisions = iter(decide(requests))
    wrong = []
    for expected, action, resources, context in rows:
        allowed = all([next(decisions) == "Allowed" for _ in resources])
        if allowed != (expected == "allowed"):
            wrong.append((expected, action, resources, context))
    assert not wrong, "\n".join(map(str, wrong))


def policies_of_role(iam, role):
    """The inline policies of a role, and the policies that stand beside it."""
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    # moto keeps what CloudFormation gives it as Python writes it.
    return [ast.literal_eval(document) if isinstance(document, str) else document for document in documents]


def managed_policy(iam, arn):
    """The default version of a managed policy."""
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
