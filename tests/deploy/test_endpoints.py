"""deploy/endpoints.yaml in moto, and together with the instance."""

import pytest
from conftest import REGION
from template import load, resources
from test_instance import parameters

TEMPLATE = "endpoints.yaml"
ALWAYS = {"ssm", "ssmmessages", "ec2messages", "eks", "logs"}


def services(account, network, kind):
    found = account.client("ec2").describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [network["vpc"]]}])
    return {
        e["ServiceName"].removeprefix(f"com.amazonaws.{REGION}."): e
        for e in found["VpcEndpoints"]
        if e["VpcEndpointType"] == kind
    }


def deploy(account, network, **more):
    # All of this template moto creates; of the group it leaves the egress rule out.
    return account.deploy(TEMPLATE, VpcId=network["vpc"], SubnetIds=network["subnet"], **more)


def test_all_of_it_is_created(account):
    network = account.network()
    created, outputs = deploy(account, network, RouteTableIds=network["table"], CodeCommit="yes", Kms="yes")
    assert set(created) == set(load(TEMPLATE)["Resources"])
    interfaces = services(account, network, "Interface")
    assert set(interfaces) == ALWAYS | {"git-codecommit", "kms"}
    for endpoint in interfaces.values():
        assert endpoint["PrivateDnsEnabled"] is True
        assert endpoint["SubnetIds"] == [network["subnet"]]
        assert [group["GroupId"] for group in endpoint["Groups"]] == [outputs["SecurityGroupId"]]
    assert services(account, network, "Gateway")["s3"]["RouteTableIds"] == [network["table"]]


@pytest.mark.parametrize(
    ("more", "expected"),
    [({}, ALWAYS), ({"SystemsManager": "no"}, {"eks", "logs"}), ({"Eks": "no", "Logs": "no"}, ALWAYS - {"eks", "logs"})],
)
def test_what_exists_is_left_out(account, more, expected):
    network = account.network()
    created, _ = deploy(account, network, **more)
    assert set(services(account, network, "Interface")) == expected
    assert "S3Endpoint" not in created


def test_nothing_comes_in_but_from_instances(account):
    [group] = resources(load(TEMPLATE), "AWS::EC2::SecurityGroup").values()
    assert "SecurityGroupIngress" not in group["Properties"]
    [rule] = group["Properties"]["SecurityGroupEgress"]
    assert rule["CidrIp"] == "127.0.0.1/32"
    network = account.network()
    _, outputs = deploy(account, network)
    network["endpoint_group"] = outputs["SecurityGroupId"]
    created, _ = account.deploy("kubectl-instance.yaml", **parameters(network))
    found = account.client("ec2").describe_security_groups(GroupIds=[outputs["SecurityGroupId"]])["SecurityGroups"][0]
    [rule] = found["IpPermissions"]
    assert (rule["FromPort"], rule["UserIdGroupPairs"][0]["GroupId"]) == (443, created["SecurityGroup"])
