#!/bin/sh
# What an EKS cluster, its VPC and the account still lack before a kubectl instance can stand there. Reads only.
#
#   deploy/check.sh CLUSTER [SUBNET]
#
#   SUBNET   the private subnet for the instance; without it the cluster's own are looked at
#
# What is found goes to standard error, the parameters of kubectl-instance.yaml that follow from it to standard
# output. Ends with 1 if something is missing.

set -eu

missing=0

say() { printf '%s\n' "$*" >&2; }
ok() { say "ok       $*"; }
note() {
    say "note     $1"
    [ -z "${2-}" ] || say "  so       $2"
}

# lacks WHAT INSTEAD
lacks() {
    missing=$((missing + 1))
    say "MISSING  $1"
    say "  instead  $2"
}

die() {
    say "check.sh: $1"
    [ -z "${2-}" ] || say "  instead   $2"
    exit 1
}

# The answer as words on one line; --output text says None for what is not there.
aws_text() {
    text=$(aws "$@" --output text) || {
        say "check.sh: this cannot be read: aws $1 $2"
        return 1
    }
    printf '%s' "$text" | tr '\n\t' '  ' | sed 's/ *$//'
}

read_cluster() {
    description=$(aws_text eks describe-cluster --name "$cluster" --query "cluster.[status, version,
        to_string(resourcesVpcConfig.endpointPrivateAccess), accessConfig.authenticationMode || 'CONFIG_MAP',
        resourcesVpcConfig.vpcId, resourcesVpcConfig.clusterSecurityGroupId,
        join(' ', resourcesVpcConfig.subnetIds)]") ||
        die "the cluster $cluster cannot be described" "aws eks list-clusters; another region or profile?"
    # shellcheck disable=SC2086 # six words, and the subnets
    set -- $description
    status=$1 version=$2 private=$3 mode=$4 vpc=$5 group=$6
    shift 6
    subnets=$*
}

check_cluster() {
    if [ "$status" = ACTIVE ]; then ok "the cluster is ACTIVE, version $version"; else
        lacks "the cluster is $status" "wait until it is ACTIVE"
    fi
    if [ "$private" = true ]; then ok "its API server has addresses in the VPC"; else
        lacks "the API server has no private endpoint: the instance would have to leave the VPC" \
            "aws eks update-cluster-config --name $cluster --resources-vpc-config endpointPrivateAccess=true"
    fi
    access='access-entry'
    case $mode in
        API | API_AND_CONFIG_MAP) ok "access entries are read: $mode" ;;
        *)
            access='aws-auth'
            note "the cluster knows no access entries ($mode): ClusterAccess=aws-auth, and edit the ConfigMap by hand" \
                "aws eks update-cluster-config --name $cluster --access-config authenticationMode=API_AND_CONFIG_MAP"
            ;;
    esac
    case $group in
        None)
            group=
            lacks "the cluster has no cluster security group" "a cluster of EKS 1.14 or later"
            ;;
        *) ok "cluster security group: $group" ;;
    esac
}

# names ATTRIBUTE FIELD OPTION
names() {
    value=$(aws_text ec2 describe-vpc-attribute --vpc-id "$vpc" --attribute "$1" --query "$2.Value")
    [ "$value" = True ] || lacks "$vpc has no $1: the names of endpoints and of the API server lead nowhere" \
        "aws ec2 modify-vpc-attribute --vpc-id $vpc $3"
}

check_vpc() {
    ok "the VPC is $vpc"
    names enableDnsSupport EnableDnsSupport --enable-dns-support
    names enableDnsHostnames EnableDnsHostnames --enable-dns-hostnames
}

# The target of the subnet's default route: igw-..., nat-..., or nothing; its own route table or the main one.
default_route() {
    for filter in "Name=association.subnet-id,Values=$1" "Name=association.main,Values=true"; do
        table=$(aws_text ec2 describe-route-tables --filters "Name=vpc-id,Values=$vpc" "$filter" \
            --query 'RouteTables[].RouteTableId')
        [ -z "$table" ] || break
    done
    route=$(aws_text ec2 describe-route-tables --route-table-ids "$table" --query \
        "RouteTables[].Routes[?DestinationCidrBlock=='0.0.0.0/0'][] | [].[GatewayId, NatGatewayId, TransitGatewayId,
            NetworkInterfaceId, InstanceId]")
}

check_subnet() {
    chosen=
    for subnet in ${wanted:-$subnets}; do
        home=$(aws_text ec2 describe-subnets --subnet-ids "$subnet" --query 'Subnets[].VpcId')
        [ "$home" = "$vpc" ] ||
            die "the subnet $subnet is not in $vpc"
        default_route "$subnet"
        case $route in
            *igw-*) [ -z "$wanted" ] || lacks "$subnet leads straight into the internet" "a private subnet" ;;
            *)
                chosen=$subnet
                break
                ;;
        esac
    done
    if [ -n "$chosen" ]; then ok "private subnet: $chosen (route table $table)"; else
        [ -n "$wanted" ] || lacks "none of the cluster's subnets is private" "deploy/check.sh $cluster SUBNET"
    fi
    case ${route-} in *nat-* | *tgw-* | *eni-* | *i-*) nat=yes ;; *) nat= ;; esac
    [ -z "$nat" ] || ok "a way out besides: $(echo "$route" | tr ' ' '\n' | grep -v None | head -n 1)"
}

# One line for each endpoint in the VPC that can be used: service, id, private name, security group, kind.
read_endpoints() {
    endpoints=$(aws ec2 describe-vpc-endpoints --filters "Name=vpc-id,Values=$vpc" --output text \
        --query "VpcEndpoints[?State=='available'].[ServiceName, VpcEndpointId, to_string(PrivateDnsEnabled),
            Groups[0].GroupId, VpcEndpointType]") || die "the endpoints cannot be read"
    tables=$(aws_text ec2 describe-vpc-endpoints --filters "Name=vpc-id,Values=$vpc" \
        "Name=service-name,Values=com.amazonaws.$region.s3" \
        --query "VpcEndpoints[?State=='available'].RouteTableIds[]")
}

check_endpoints() {
    endpoint_group='' absent=''
    read_endpoints
    for service in ssm ssmmessages ec2messages eks logs; do
        found=$(printf '%s\n' "$endpoints" | awk -v name="com.amazonaws.$region.$service" \
            '$1 == name { print $2, $3, $4; exit }')
        # shellcheck disable=SC2086 # three words, or none
        set -- $found
        if [ $# -lt 3 ]; then
            absent="$absent $service"
        elif [ "$2" != true ]; then
            lacks "the endpoint $1 of $service has no private name" \
                "aws ec2 modify-vpc-endpoint --vpc-endpoint-id $1 --private-dns-enabled"
        else
            ok "endpoint of $service: $1, security group $3"
            case $endpoint_group in
                '' | "$3") endpoint_group=$3 ;;
                *) note "the endpoints have different security groups: let the instance in at $3, too" ;;
            esac
        fi
    done
    # Only one of the three ways to the manifests goes there.
    printf '%s\n' "$endpoints" | grep -q "^com.amazonaws.$region.git-codecommit	" || [ -n "$nat" ] ||
        note "no endpoint here for git-codecommit" "deploy/endpoints.yaml with CodeCommit=yes, or ManifestSource=bundle"
    case " $tables " in *" $table "*) s3=yes ;; *) s3='' ;; esac
    if [ -n "$s3" ]; then ok "gateway endpoint of S3 in $table"; else absent="$absent s3"; fi
    [ -n "$absent" ] || return 0
    if [ -n "$nat" ]; then
        note "no endpoint here for:$absent" "the way out has to serve; allow it by EgressCidr"
    else
        lacks "no endpoint here for:$absent, and no NAT" "deploy/endpoints.yaml makes them"
    fi
}

# quota SERVICE CODE: its value, or nothing if that cannot be had.
quota() {
    { aws_text service-quotas get-service-quota --service-code "$1" --quota-code "$2" --query Quota.Value 2>/dev/null ||
        :; } | sed 's/\..*//; s/None//'
}

# room WHAT USED QUOTA NEEDED
room() {
    case $3 in
        '') note "the quota of $1 cannot be read; $2 are in use" ;;
        *)
            if [ $(($2 + $4)) -le "$3" ]; then ok "$1: $2 of $3 in use"; else
                lacks "$1: $2 of $3 in use, $4 more are needed" "Service Quotas in the console: ask for more"
            fi
            ;;
    esac
}

check_quotas() {
    # An instance of the default type has two.
    limit=$(quota ec2 L-1216C47A)
    instances=$(aws ec2 describe-instances --filters 'Name=instance-state-name,Values=pending,running' --output text \
        --query 'Reservations[].Instances[].[InstanceType, CpuOptions.CoreCount, CpuOptions.ThreadsPerCore]')
    cores=$(printf '%s\n' "$instances" | awk '/^[acdhimrtz]/ { sum += $2 * $3 } END { print sum + 0 }')
    room "vCPU of standard instances" "$cores" "$limit" 2
    used=$(printf '%s\n' "$endpoints" | grep -c 'Interface$') || :
    # shellcheck disable=SC2086 # the words are counted
    set -- $absent
    room "interface endpoints in the VPC" "$used" "$(quota vpc L-29B6F2EB)" $#
    [ -n "$group" ] || return 0
    used=$(aws_text ec2 describe-security-group-rules --filters "Name=group-id,Values=$group" \
        --query 'length(SecurityGroupRules[?!IsEgress])')
    room "incoming rules of $group" "$used" "$(quota vpc L-0EA8095F)" 1
}

print_parameters() {
    prefixes=$(aws_text ec2 describe-managed-prefix-lists --query \
        "PrefixLists[?PrefixListName=='com.amazonaws.$region.s3'].PrefixListId")
    printf 'ClusterName=%s\nClusterSecurityGroupId=%s\nClusterAccess=%s\nVpcId=%s\n' \
        "$cluster" "$group" "$access" "$vpc"
    [ -z "$chosen" ] || printf 'SubnetId=%s\n' "$chosen"
    [ -z "$endpoint_group" ] || printf 'EndpointSecurityGroupId=%s\n' "$endpoint_group"
    [ -z "$s3" ] || [ -z "$prefixes" ] || printf 'S3PrefixListId=%s\n' "$prefixes"
}

main() {
    case $#:${1-} in
        1:-* | 2:-*) usage=yes ;;
        1:?* | 2:?*) usage= ;;
        *) usage=yes ;;
    esac
    [ -z "$usage" ] || {
        sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
        exit 64
    }
    cluster=$1 wanted=${2-}
    command -v aws >/dev/null 2>&1 || die "the AWS CLI is not installed" \
        "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
    region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || :)}}
    [ -n "$region" ] || die "no region is chosen" "export AWS_REGION=ap-northeast-1"
    account=$(aws_text sts get-caller-identity --query Account) || account=
    [ -n "$account" ] || die "AWS does not know you" "aws configure, or aws sso login"
    say "Account $account, region $region, cluster $cluster; nothing is changed."
    read_cluster
    check_cluster
    check_vpc
    check_subnet
    check_endpoints
    check_quotas
    print_parameters
    [ "$missing" = 0 ] || {
        say "$missing missing."
        exit 1
    }
}

main "$@"
