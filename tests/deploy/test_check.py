"""deploy/check.sh reads a simulated account with the real AWS CLI, and changes nothing there."""

import os
import re
import subprocess

import pytest
from conftest import REGION
from moto.eks.models import eks_backends
from template import DEPLOY, load

# The quota of vCPU is not in moto.
AWS = """#!/bin/sh
echo "$1 $2" >>"$STUB/calls"
case "$*" in
    *"get-service-quota --service-code ec2"*) echo "${VCPU:-64.0}" ;;
    *) exec "$REAL_AWS" "$@" ;;
esac
"""


class Ground:
    """A VPC that has everything; each test takes something away."""

    def __init__(self, account, place, aws):
        self.account, self.place, self.aws = account, place, aws
        (place / "aws").write_text(AWS)
        (place / "aws").chmod(0o755)
        self.ec2 = account.client("ec2")
        self.network = account.network()
        self.vpc = self.network["vpc"]
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        self.ec2.associate_route_table(RouteTableId=self.network["table"], SubnetId=self.network["subnet"])
        self.variables = {}

    def cluster(self, private=True, mode="API"):
        self.account.client("eks").create_cluster(
            name="develop-eks",
            version="1.33",
            roleArn="arn:aws:iam::123456789012:role/eks",
            resourcesVpcConfig={"subnetIds": [self.network["subnet"]], "endpointPrivateAccess": private},
        )
        # What EKS answers besides, and moto forgets.
        cluster = eks_backends["123456789012"][REGION].clusters["develop-eks"]
        cluster.resources_vpc_config.update(vpcId=self.vpc, clusterSecurityGroupId=self.network["cluster_group"])
        if mode:
            cluster.access_config = {"authenticationMode": mode}

    def endpoints(self, **more):
        self.account.deploy(
            "endpoints.yaml",
            VpcId=self.vpc,
            SubnetIds=self.network["subnet"],
            **{"RouteTableIds": self.network["table"], **more},
        )

    def internet(self, table):
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)

    def public(self):
        subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.2.0/24")["Subnet"]["SubnetId"]
        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        self.internet(table)
        return subnet

    def run(self, *words):
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": self.account.address,
            "STUB": str(self.place),
            "REAL_AWS": str(self.aws),
            "PATH": f"{self.place}:{os.environ['PATH']}",
            **self.variables,
        }
        done = subprocess.run(
            [DEPLOY / "check.sh", *(words or ["develop-eks"])],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.said = done.stderr
        self.parameters = dict(line.split("=", 1) for line in done.stdout.splitlines())
        return done.returncode


@pytest.fixture
def ground(account, tmp_path, aws):
    return Ground(account, tmp_path, aws)


def test_all_there(ground):
    ground.cluster()
    ground.endpoints()
    code = ground.run()
    assert (code, "MISSING" in ground.said) == (0, False), ground.said
    assert set(ground.parameters) <= set(load("kubectl-instance.yaml")["Parameters"])
    assert ground.parameters["ClusterName"] == "develop-eks"
    assert ground.parameters["VpcId"] == ground.vpc
    assert ground.parameters["SubnetId"] == ground.network["subnet"]
    assert ground.parameters["ClusterAccess"] == "access-entry"
    groups = ground.account.client("cloudformation").describe_stacks(StackName="endpoints")["Stacks"][0]["Outputs"]
    assert ground.parameters["EndpointSecurityGroupId"] == groups[0]["OutputValue"]
    assert re.fullmatch(r"pl-[0-9a-f]+", ground.parameters["S3PrefixListId"])
    for said in ("vCPU of standard instances: 0 of 64", "incoming rules of", "interface endpoints in the VPC: 5 of"):
        assert said in ground.said
    # The way to the manifests that the templates take unless told.
    assert "no endpoint here for git-codecommit" in ground.said
    ground.account.deploy(
        "endpoints.yaml", stack="more", VpcId=ground.vpc, SubnetIds=ground.network["subnet"],
        SystemsManager="no", Eks="no", Logs="no", CodeCommit="yes",
    )  # fmt: skip
    assert ground.run() == 0
    assert "git-codecommit" not in ground.said
    # Nothing but questions.
    asked = {call.split()[1] for call in (ground.place / "calls").read_text().splitlines()}
    assert all(re.match(r"describe-|get-", name) for name in asked), asked


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda g: (g.cluster(private=False), g.endpoints()), "endpointPrivateAccess=true"),
        (lambda g: (g.cluster(), g.endpoints(Eks="no")), "no endpoint here for: eks, and no NAT"),
        (lambda g: (g.cluster(), g.endpoints(SystemsManager="no")), "no endpoint here for: ssm ssmmessages ec2messages, and"),
        (lambda g: (g.cluster(), g.endpoints(RouteTableIds="")), "no endpoint here for: s3, and no NAT"),
        (
            lambda g: (
                g.cluster(), g.endpoints(), g.ec2.modify_vpc_attribute(VpcId=g.vpc, EnableDnsHostnames={"Value": False}),
            ),
            "--enable-dns-hostnames",
        ),
        (lambda g: (g.cluster(), g.endpoints(), g.variables.update(VCPU="1.0")), "0 of 1 in use, 2 more are needed"),
        (lambda g: (g.internet(g.network["table"]), g.cluster(), g.endpoints()), "none of the cluster's subnets is private"),
    ],
    ids=["private", "eks", "ssm", "s3", "names", "quota", "public"],
)  # fmt: skip
def test_what_is_missing_is_named(ground, spoil, says):
    spoil(ground)
    assert ground.run() == 1, ground.said
    assert ground.said.count("MISSING") == 1, ground.said
    assert says in ground.said, ground.said
    assert "instead" in ground.said and ground.said.endswith("1 missing.\n")


def test_nat_serves_instead_of_endpoints(ground):
    subnet = ground.public()
    ground.cluster()
    address = ground.ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ground.ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    ground.ec2.create_route(RouteTableId=ground.network["table"], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    assert ground.run() == 0, ground.said
    assert f"a way out besides: {nat}" in ground.said
    assert "no endpoint here for: ssm ssmmessages ec2messages eks logs s3" in ground.said
    assert not {"EndpointSecurityGroupId", "S3PrefixListId"} & set(ground.parameters)


@pytest.mark.parametrize("mode", ["CONFIG_MAP", None])
def test_the_older_authentication_is_noted(ground, mode):
    ground.cluster(mode=mode)
    ground.endpoints()
    assert ground.run() == 0, ground.said
    assert ground.parameters["ClusterAccess"] == "aws-auth"
    assert "authenticationMode=API_AND_CONFIG_MAP" in ground.said


def test_a_subnet_that_was_named_is_judged(ground):
    ground.cluster()
    ground.endpoints()
    assert ground.run("develop-eks", ground.public()) == 1
    assert "leads straight into the internet" in ground.said
    other = ground.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    stranger = ground.ec2.create_subnet(VpcId=other, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    assert ground.run("develop-eks", stranger) == 1
    assert f"is not in {ground.vpc}" in ground.said


def test_no_such_cluster(ground):
    assert ground.run("prod-eks") == 1
    assert "the cluster prod-eks cannot be described" in ground.said
    assert ground.run("--help") == 64
    assert ground.run("develop-eks", "subnet-1", "more") == 64
    # Who is not known is told so.
    ground.variables["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:1"
    ground.variables["AWS_MAX_ATTEMPTS"] = "1"
    assert ground.run() == 1
    assert "AWS does not know you" in ground.said
    del ground.variables["AWS_ENDPOINT_URL_STS"]
    # What cannot be read is not taken for missing.
    ground.cluster()
    ground.variables["AWS_ENDPOINT_URL_EC2"] = "http://127.0.0.1:1"
    ground.variables["AWS_MAX_ATTEMPTS"] = "1"
    assert ground.run() == 1
    assert "this cannot be read: aws ec2" in ground.said
    assert "MISSING" not in ground.said
    assert ground.parameters == {}
