"""deploy/artifacts.sh fills a bucket in moto with the real AWS CLI; a stub stands for the network."""

import hashlib
import os
import subprocess

import pytest
from template import DEPLOY, load

CURL = """#!/bin/sh
for word in "$@"; do from=$to; to=$word; done
while [ "$1" != --output ]; do shift; done
cp "$MIRROR/${3#https://dl.k8s.io/}" "$2"
"""


class Bench:
    """A release on disk, a mirror of kubectl, and the account."""

    def __init__(self, account, place, aws):
        self.account, self.place, self.aws = account, place, aws
        (place / "curl").write_text(CURL)
        (place / "curl").chmod(0o755)
        for arch in ("arm64", "amd64"):
            self.mirror(arch, f"kubectl for {arch}")
        (place / "release/stable-1.33.txt").write_text("v1.33.5")
        self.packages = []
        for name in ("kubectl-envguard-1.aarch64.rpm", "kubectl-envguard-1.x86_64.rpm"):
            (place / name).write_text(name)
            self.packages.append(place / name)

    def mirror(self, arch, text, digest=None):
        where = self.place / f"release/v1.33.5/bin/linux/{arch}"
        where.mkdir(parents=True, exist_ok=True)
        (where / "kubectl").write_text(text)
        (where / "kubectl.sha256").write_text(digest or hashlib.sha256(text.encode()).hexdigest())

    def bucket(self):
        self.account.client("s3").create_bucket(
            Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"}
        )

    def run(self, *words):
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": self.account.address,
            "MIRROR": str(self.place),
            "PATH": f"{self.place}:{self.aws.parent}:{os.environ['PATH']}",
        }
        return subprocess.run(
            [DEPLOY / "artifacts.sh", *words], env=environment, capture_output=True, text=True, check=False
        )

    def objects(self):
        s3 = self.account.client("s3")
        keys = [o["Key"] for o in s3.list_objects_v2(Bucket="artifacts").get("Contents", [])]
        return {key: s3.get_object(Bucket="artifacts", Key=key)["Body"].read() for key in keys}


@pytest.fixture
def bench(account, tmp_path, aws):
    return Bench(account, tmp_path, aws)


def test_what_instances_fetch_is_there(bench):
    bench.bucket()
    done = bench.run("--kubectl", "1.33", "artifacts", *bench.packages)
    assert done.returncode == 0, done.stderr
    objects = bench.objects()
    # The keys are those that user-data.sh asks for.
    expected = {f"envguard/kubectl/1.33/linux/{a}/{f}" for a in ("arm64", "amd64") for f in ("kubectl", "kubectl.sha256")}
    assert set(objects) == expected | {f"envguard/{p.name}" for p in bench.packages} | {"envguard/user-data.sh"}
    assert objects["envguard/kubectl/1.33/linux/arm64/kubectl"] == b"kubectl for arm64"
    said = [line.split("=", 1) for line in done.stdout.splitlines()]
    # What is printed are parameters of the stack.
    assert {name for name, _ in said} <= set(load("kubectl-instance.yaml")["Parameters"])
    assert ["UserDataSha256", hashlib.sha256(objects["envguard/user-data.sh"]).hexdigest()] in said
    for package in bench.packages:
        assert ["EnvguardPackage", package.name] in said
        assert ["EnvguardSha256", hashlib.sha256(package.read_bytes()).hexdigest()] in said


def test_a_bundle_goes_along(bench):
    bench.bucket()
    git = ["git", "-C", bench.place, "-c", "user.name=x", "-c", "user.email=x@example.invalid"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    bundle = bench.place / "manifests.bundle"
    subprocess.run([*git, "bundle", "create", "-q", bundle, "main"], check=True)
    done = bench.run("--prefix", "tools/envguard", "--bundle", bundle, "artifacts", bench.packages[0])
    assert done.returncode == 0, done.stderr
    assert "ManifestLocation=manifests.bundle\n" in done.stdout
    assert bench.objects()["tools/envguard/manifests.bundle"] == bundle.read_bytes()


def test_a_kubectl_that_is_not_what_it_should_be_is_not_uploaded(bench):
    bench.bucket()
    bench.mirror("amd64", "kubectl", digest="0" * 64)
    done = bench.run("--kubectl", "1.33", "artifacts", bench.packages[0])
    assert (done.returncode, bench.objects()) == (1, {})
    assert "kubectl v1.33.5 for amd64 is not what its .sha256 says" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["artifacts"], 64, "BUCKET PACKAGE"),
        (["--help"], 64, "BUCKET PACKAGE"),
        (["artifacts", "none.rpm"], 1, "there is no file none.rpm"),
        (["artifacts", __file__], 1, "is neither .rpm nor .deb"),
        (["--bundle", __file__, "artifacts", "PACKAGE"], 1, "is no bundle"),
        (["artifacts", "BLANK"], 1, "has letters in its name that the stack does not take"),
        (["--prefix", "/x/", "artifacts", "PACKAGE"], 1, "'/x/' is no prefix"),
        (["--prefix", "a b", "artifacts", "PACKAGE"], 1, "'a b' is no prefix"),
        (["--prefix", "", "artifacts", "PACKAGE"], 1, "'' is no prefix"),
        (["--kubectl", "latest", "artifacts", "PACKAGE"], 1, "'latest' is no minor version"),
        (["elsewhere", "PACKAGE"], 1, "there is no bucket elsewhere of the account"),
    ],
)
def test_what_is_wrong_is_said(bench, words, code, says):
    bench.bucket()
    (bench.place / "a b.rpm").write_text("x")
    files = {"PACKAGE": str(bench.packages[0]), "BLANK": str(bench.place / "a b.rpm")}
    done = bench.run(*[files.get(word, word) for word in words])
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr
    assert bench.objects() == {}
