"""A simulated AWS account for the templates and scripts of deploy/."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from aws_cli import AwsCli
from template import DEPLOY

REGION = "ap-northeast-1"
ROOT = DEPLOY.parent

# Nothing here may ever meet a real account.
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION=REGION,
    AWS_EC2_METADATA_DISABLED="true",
    AWS_CONFIG_FILE="/dev/null",
    AWS_SHARED_CREDENTIALS_FILE="/dev/null",
    # Thousands of images, read again after every reset.
    MOTO_EC2_LOAD_DEFAULT_AMIS="false",
)
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def moto():
    """The address of a moto server on a free port."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    """The program `aws`: the real AWS CLI."""
    with AwsCli(tmp_path_factory.mktemp("aws")) as cli:
        yield cli.program


# Making one means reading the description of the whole service.
@functools.cache
def client(address, service):
    return boto3.client(service, region_name=REGION, endpoint_url=address)


class Account:
    """One simulated account, emptied before each use."""

    def __init__(self, address):
        self.address = address

    def client(self, service):
        return client(self.address, service)

    def instance(self, tags):
        """Starts an instance with these tags; its id."""
        tags = [{"Key": key, "Value": value} for key, value in tags.items()]
        found = self.client("ec2").run_instances(
            ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )  # fmt: skip
        return found["Instances"][0]["InstanceId"]

    def network(self):
        """What exists before the stacks: VPC, subnet, route table, the cluster's and the endpoints' groups."""
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        group = lambda name: ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
        return {
            "vpc": vpc,
            "subnet": subnet,
            "table": table,
            "cluster_group": group("cluster"),
            "endpoint_group": group("endpoints"),
        }

    def deploy(self, template, stack=None, **parameters):
        """Deploys deploy/TEMPLATE; {logical id: physical id} of what was really created, and the outputs."""
        stack = stack or Path(template).stem
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=stack,
            TemplateBody=(DEPLOY / template).read_text(),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        )
        description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        assert description["StackStatus"] == "CREATE_COMPLETE", description
        summaries = cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
        created = {s["LogicalResourceId"]: s["PhysicalResourceId"] for s in summaries if s.get("PhysicalResourceId")}
        outputs = {o["OutputKey"]: o["OutputValue"] for o in description.get("Outputs", [])}
        return created, outputs


@pytest.fixture
def account(moto):
    import urllib.request

    urllib.request.urlopen(urllib.request.Request(f"{moto}/moto-api/reset", method="POST")).read()
    return Account(moto)


@pytest.fixture(scope="session")
def programs():
    """The directory with the programs that cargo has built."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    place = Path(os.environ.get("ENVGUARD_PROGRAMS", target / "debug"))
    if not (place / "kubectl-envguard").exists():
        subprocess.run(
            ["cargo", "build", "--quiet", "--locked", "--bins", "--examples"], cwd=ROOT, check=True, stdout=sys.stderr
        )
    return place
