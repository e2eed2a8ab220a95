"""deploy/kubectl-instance.yaml: deployed to moto and read back, and what moto does not look at."""

import base64
import gzip
import re

import pytest
from conftest import REGION
from iam import hold, policies_of_role
from template import DEPLOY, load, resources, strings

TEMPLATE = "kubectl-instance.yaml"
HASH = "0" * 64

# What moto makes of each resource. Where it creates nothing, or leaves something out, the template is
# what can be checked: those tests read it.
REALLY_CREATED = {
    "SecurityGroup": True,  # without its egress rules
    "ClusterIngress": False,  # no resource of its own, but the group has the rule: see below
    "EndpointIngress": False,
    "Role": True,  # without its managed policies
    "InstanceProfile": True,
    "ClusterAdmin": False,
    "LaunchTemplate": True,
    "Instance": True,  # without launch template, group and volumes
}


def parameters(network, **more):
    return {
        "Environment": "develop",
        "ClusterName": "develop-eks",
        "ClusterSecurityGroupId": network["cluster_group"],
        "VpcId": network["vpc"],
        "SubnetId": network["subnet"],
        "EndpointSecurityGroupId": network["endpoint_group"],
        "ArtifactBucket": "artifacts",
        "UserDataSha256": HASH,
        "EnvguardPackage": "kubectl-envguard.aarch64.rpm",
        "EnvguardSha256": HASH,
        "ManifestLocation": "manifests",
        **more,
    }


def instance_of(account, created):
    reservations = account.client("ec2").describe_instances(InstanceIds=[created["Instance"]])["Reservations"]
    return reservations[0]["Instances"][0]


def test_each_resource_is_created_or_known_not_to_be(account):
    created, outputs = account.deploy(TEMPLATE, **parameters(account.network()))
    assert {name: name in created for name in REALLY_CREATED} == REALLY_CREATED
    assert set(created) <= set(REALLY_CREATED)
    every = {name for name, r in load(TEMPLATE)["Resources"].items()}
    assert every == set(REALLY_CREATED)
    assert outputs["InstanceId"] == created["Instance"]


def test_the_instance_is_tagged_for_its_environment(account):
    created, _ = account.deploy(TEMPLATE, **parameters(account.network(), SessionDocument="envguard-develop"))
    tags = {tag["Key"]: tag["Value"] for tag in instance_of(account, created)["Tags"]}
    assert tags["envguard:environment"] == "develop"
    assert tags["envguard:cluster"] == "develop-eks"
    assert tags["envguard:session-document"] == "envguard-develop"
    # Keys with a blank or a slash would make the metadata service refuse the instance's tags.
    assert all(re.fullmatch(r"[A-Za-z0-9+\-=._:@,]+", key) for key in tags)


@pytest.mark.parametrize(
    ("architecture", "kind", "kubectl"), [("arm64", "t4g.small", "arm64"), ("x86_64", "t3.small", "amd64")]
)
def test_everything_follows_from_the_architecture(account, architecture, kind, kubectl):
    created, _ = account.deploy(TEMPLATE, **parameters(account.network(), Architecture=architecture))
    instance = instance_of(account, created)
    assert instance["InstanceType"] == kind
    name = f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}"
    image = account.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    assert instance["ImageId"] == image
    assert f"DEPLOY_KUBECTL_ARCH='{kubectl}'" in user_data(account, created)


def user_data(account, created):
    ec2 = account.client("ec2")
    attribute = ec2.describe_instance_attribute(InstanceId=created["Instance"], Attribute="userData")
    return base64.b64decode(attribute["UserData"]["Value"]).decode()


def test_user_data_states_every_setting_and_fits(account):
    created, _ = account.deploy(TEMPLATE, **parameters(account.network()))
    text = user_data(account, created)
    assert len(text.encode()) < 16 * 1024
    assert "${" not in text
    stated = set(re.findall(r"^(DEPLOY_\w+)=", text, re.MULTILINE))
    script = (DEPLOY / "user-data.sh").read_text()
    lists = re.search(r'^needed="(.*?)"\noptional="(.*?)"', script, re.MULTILINE | re.DOTALL)
    known = {f"DEPLOY_{name}" for name in " ".join(lists.groups()).split()}
    assert stated == known
    assert known == set(re.findall(r"DEPLOY_[A-Z0-9_]+", script.split("set -eu")[0])), "the script's own description"
    assert len(gzip.compress(script.encode())) < 12 * 1024, "user data of Terraform and CDK"


def test_a_value_cannot_leave_its_quotes():
    # User data is a shell script: nothing that a shell reads as its own may come through a parameter.
    template = load(TEMPLATE)
    text = template["Resources"]["Instance"]["Properties"]["UserData"]["Fn::Base64"]["Fn::Sub"][0]
    for name in set(re.findall(r"\$\{(\w+)\}", text)) - {"KubectlArch", "EndpointRule"}:
        parameter = template["Parameters"][name]
        pattern = parameter.get("AllowedPattern", "").replace(r"\p{L}", "a-zäöü本番").replace(r"\p{N}", "0-9")
        for evil in ("'", '"', "$", "`", "\\", "\n", ";", "&", "|"):
            for value in (evil, f"a{evil}b", f"/a{evil}", f"arn:{evil}"):
                allowed = parameter.get("AllowedValues") or parameter["Type"] == "Number"
                assert allowed or not re.fullmatch(pattern, value), (name, value)
        assert pattern or parameter.get("AllowedValues") or parameter["Type"] == "Number", name


def test_metadata_needs_a_token_and_shows_tags(account):
    created, _ = account.deploy(TEMPLATE, **parameters(account.network()))
    versions = account.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=created["LaunchTemplate"], Versions=["$Latest"]
    )
    options = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]["MetadataOptions"]
    assert options == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
        "InstanceMetadataTags": "enabled",
    }
    # moto starts the instance without it.
    instance = load(TEMPLATE)["Resources"]["Instance"]["Properties"]
    assert instance["LaunchTemplate"]["LaunchTemplateId"] == {"Ref": "LaunchTemplate"}


def test_nothing_comes_in_and_443_goes_out():
    template = load(TEMPLATE)
    group = template["Resources"]["SecurityGroup"]["Properties"]
    assert "SecurityGroupIngress" not in group
    rules = [rule["Fn::If"][1] if "Fn::If" in rule else rule for rule in group["SecurityGroupEgress"]]
    assert "Fn::If" not in group["SecurityGroupEgress"][0], "an empty list would let everything out"
    destinations = []
    for rule in rules:
        assert rule["IpProtocol"] == "tcp"
        assert rule["FromPort"] == rule["ToPort"]
        assert rule["FromPort"] == 443 or ("CidrIp" in rule and rule["FromPort"] == {"Ref": "EgressPort"})
        destinations.append(next(rule[k] for k in rule if k.startswith(("Destination", "Cidr"))))
    assert destinations == [
        {"Ref": "ClusterSecurityGroupId"},
        {"Ref": "EndpointSecurityGroupId"},
        {"Ref": "S3PrefixListId"},
        {"Ref": "EgressCidr"},
        {"Ref": "EgressCidr"},
    ]
    assert template["Parameters"]["EgressPort"]["Default"] == 443
    for rule in resources(template, "AWS::EC2::SecurityGroupIngress").values():
        assert rule["Properties"]["SourceSecurityGroupId"] == {"Ref": "SecurityGroup"}
        assert (rule["Properties"]["FromPort"], rule["Properties"]["ToPort"]) == (443, 443)
        assert rule["Properties"]["GroupId"] != {"Ref": "SecurityGroup"}
    instance = template["Resources"]["Instance"]["Properties"]
    assert instance["SecurityGroupIds"] == [{"Ref": "SecurityGroup"}]
    assert "KeyName" not in instance
    assert "NetworkInterfaces" not in instance


# What EC2 takes in the description of a group or a rule; neither cfn-lint nor moto looks.
DESCRIPTION = re.compile(r"[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}")


@pytest.mark.parametrize("name", [TEMPLATE, "endpoints.yaml"])
def test_descriptions_have_the_letters_that_ec2_takes(name):
    template, seen = load(name), 0
    groups = resources(template, "AWS::EC2::SecurityGroup")
    rules = resources(template, "AWS::EC2::SecurityGroupIngress")
    said = [group["Properties"]["GroupDescription"] for group in groups.values()]
    said += [rule["Properties"]["Description"] for rule in rules.values()]
    for group in groups.values():
        for rule in group["Properties"]["SecurityGroupEgress"]:
            said.append((rule["Fn::If"][1] if "Fn::If" in rule else rule)["Description"])
    for text in said:
        text = re.sub(r"\$\{[\w:]+\}", "x", text["Fn::Sub"]) if isinstance(text, dict) else text
        assert DESCRIPTION.fullmatch(text), text
        seen += 1
    assert seen >= 2


def test_the_first_start_finds_everything_in_place():
    # User data runs once: what it needs must be there before the instance, not at about the same time.
    template = load(TEMPLATE)
    instance = template["Resources"]["Instance"]
    assert instance["DependsOn"] == ["ClusterIngress"]
    text, given = instance["Properties"]["UserData"]["Fn::Base64"]["Fn::Sub"]
    assert given["EndpointRule"] == {"Fn::If": ["HasEndpoints", {"Ref": "EndpointIngress"}, "none"]}
    [line] = [line for line in text.splitlines() if "${EndpointRule}" in line]
    assert line.startswith("# ")
    # Every policy is in the role, which the instance profile waits for.
    assert not resources(template, "AWS::IAM::Policy")


def test_without_endpoints_443_is_open_whatever_the_other_port():
    # With NAT alone Systems Manager is reached there; EgressPort may be that of a git server.
    template = load(TEMPLATE)
    [rule] = [
        rule["Fn::If"]
        for rule in template["Resources"]["SecurityGroup"]["Properties"]["SecurityGroupEgress"]
        if "Fn::If" in rule and rule["Fn::If"][0] == "NeedsHttpsOut"
    ]
    assert (rule[1]["FromPort"], rule[1]["ToPort"], rule[1]["CidrIp"]) == (443, 443, {"Ref": "EgressCidr"})
    condition = template["Conditions"]["NeedsHttpsOut"]["Fn::And"]
    assert {"Condition": "HasEgress"} in condition
    assert {"Fn::Not": [{"Condition": "HasEndpoints"}]} in condition
    assert {"Fn::Not": [{"Fn::Equals": [{"Ref": "EgressPort"}, 443]}]} in condition


def test_the_cluster_lets_it_in(account):
    network = account.network()
    created, _ = account.deploy(TEMPLATE, **parameters(network))
    ec2 = account.client("ec2")
    for name in ("cluster_group", "endpoint_group"):
        group = ec2.describe_security_groups(GroupIds=[network[name]])["SecurityGroups"][0]
        [rule] = group["IpPermissions"]
        assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)
        assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [created["SecurityGroup"]]


def test_the_volume_is_encrypted():
    [mapping] = load(TEMPLATE)["Resources"]["Instance"]["Properties"]["BlockDeviceMappings"]
    assert mapping["DeviceName"] == "/dev/xvda"
    assert mapping["Ebs"]["Encrypted"] is True


def test_the_access_entry_names_no_system_group():
    [entry] = resources(load(TEMPLATE), "AWS::EKS::AccessEntry").values()
    assert not [text for text in strings(entry) if text.startswith("system:")]
    [policy] = entry["Properties"]["AccessPolicies"]
    assert policy["PolicyArn"]["Fn::Sub"].endswith(":cluster-access-policy/AmazonEKSClusterAdminPolicy")
    assert policy["AccessScope"] == {"Type": "cluster"}
    assert entry["Properties"]["PrincipalArn"] == {"Fn::GetAtt": ["Role", "Arn"]}


def test_the_older_way_is_printed(account):
    created, outputs = account.deploy(TEMPLATE, **parameters(account.network(), ClusterAccess="aws-auth"))
    assert "system:masters" in outputs["AwsAuth"]
    assert f":role/{created['Role']}" in outputs["AwsAuth"]


def test_the_role_may_do_little(account):
    key = "/envguard/develop/deploy-key"
    created, _ = account.deploy(
        TEMPLATE,
        **parameters(
            account.network(),
            ManifestSource="deploy-key",
            DeployKeyParameter=key,
            KnownHosts="git.example.com ssh-ed25519 AAAA",
            ManifestLocation="git@git.example.com:org/manifests.git",
        ),
    )
    number = account.client("sts").get_caller_identity()["Account"]
    # What AmazonSSMManagedInstanceCore grants on every parameter, and moto does not attach.
    core = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["ssm:GetParameter", "ssm:GetParameters"], "Resource": "*"}],
    }
    policies = [core, *policies_of_role(account.client("iam"), created["Role"])]
    own, aws = f"{REGION}:{number}", "arn:aws"
    parameter = lambda name: f"{aws}:ssm:{own}:parameter{name}"
    hold(
        [
            ("allowed", "eks:DescribeCluster", f"{aws}:eks:{own}:cluster/develop-eks", {}),
            ("denied", "eks:DescribeCluster", f"{aws}:eks:{own}:cluster/prod-eks", {}),
            ("denied", "eks:DescribeCluster", f"{aws}:eks:us-east-1:{number}:cluster/develop-eks", {}),
            ("denied", "eks:UpdateClusterConfig", f"{aws}:eks:{own}:cluster/develop-eks", {}),
            ("denied", "eks:CreateAccessEntry", f"{aws}:eks:{own}:cluster/develop-eks", {}),
            ("allowed", "s3:GetObject", f"{aws}:s3:::artifacts/envguard/user-data.sh", {}),
            ("denied", "s3:GetObject", f"{aws}:s3:::artifacts/other/user-data.sh", {}),
            ("denied", "s3:PutObject", f"{aws}:s3:::artifacts/envguard/user-data.sh", {}),
            ("allowed", "ssm:GetParameter", parameter(key), {}),
            ("denied", "ssm:GetParameter", parameter("/envguard/production/deploy-key"), {}),
            ("denied", "ssm:GetParameters", parameter("/another/secret"), {}),
            ("allowed", "ssm:GetParameter", parameter("/envguard/policy"), {}),
            ("denied", "ec2:CreateTags", f"{aws}:ec2:{own}:instance/i-0123456789abcdef0", {}),
            ("denied", "ec2:StopInstances", f"{aws}:ec2:{own}:instance/i-0123456789abcdef0", {}),
            ("denied", "codecommit:GitPull", f"{aws}:codecommit:{own}:manifests", {}),
            ("denied", "sts:AssumeRole", f"{aws}:iam::{number}:role/admin", {}),
        ],
        policies,
        f"{aws}:sts::{number}:assumed-role/{created['Role']}/i-0123456789abcdef0",
        number,
    )


def test_the_role_reads_its_repository_only(account):
    created, _ = account.deploy(TEMPLATE, **parameters(account.network()))
    number = account.client("sts").get_caller_identity()["Account"]
    hold(
        [
            ("allowed", "codecommit:GitPull", f"arn:aws:codecommit:{REGION}:{number}:manifests", {}),
            ("denied", "codecommit:GitPull", f"arn:aws:codecommit:{REGION}:{number}:application", {}),
            ("denied", "codecommit:GitPush", f"arn:aws:codecommit:{REGION}:{number}:manifests", {}),
        ],
        policies_of_role(account.client("iam"), created["Role"]),
        f"arn:aws:sts::{number}:assumed-role/{created['Role']}/i-0123456789abcdef0",
        number,
    )
