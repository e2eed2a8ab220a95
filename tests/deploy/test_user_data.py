"""deploy/user-data.sh makes a fresh root a guarded instance, with the real envguard, git and kubectl.

Stubs stand for aws, the package manager and systemctl; ssh leads to a repository of this machine. The root
is a layer over this machine's, so that every file that is written can be looked at.
"""

import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
PACKAGE = "kubectl-envguard.rpm"

AWS = r"""#!/bin/sh
echo "aws $*" >>/var/log/calls
case "$1 $2" in
    "s3 cp")
        for word in "$@"; do from=$to; to=$word; done
        exec cp "/opt/artifacts/${from#s3://artifacts/envguard/}" "$to"
        ;;
    "eks describe-cluster") echo "${STUB_VERSION:-1.31}" ;;
    "eks update-kubeconfig")
        while [ "$1" != --kubeconfig ]; do shift; done
        cat >"$2" <<END
apiVersion: v1
kind: Config
current-context: develop-eks
clusters:
- name: arn:develop-eks
  cluster:
    server: https://0123456789ABCDEF0123456789ABCDEF.gr7.ap-northeast-1.eks.amazonaws.com
    certificate-authority-data: $(cat /opt/artifacts/ca)
contexts:
- name: develop-eks
  context: {cluster: arn:develop-eks, user: arn:develop-eks}
users:
- name: arn:develop-eks
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: aws
      args: [--region, ap-northeast-1, eks, get-token, --cluster-name, develop-eks, --output, json]
END
        ;;
    "ssm get-parameter") cat "/opt/artifacts/parameters$4" ;;
    "eks get-token") exit 1 ;;
    *) echo "stub: $*" >&2; exit 252 ;;
esac
"""
RPM = r"""#!/bin/sh
echo "rpm $*" >>/var/log/calls
case $1 in
    --quiet) exit 0 ;;
    --upgrade) for file in "$@"; do :; done; exec tar --extract --no-same-owner --file "$file" --directory / ;;
esac
"""
RECORD = '#!/bin/sh\necho "$(basename "$0") $*" >>/var/log/calls\n'
SSH = '#!/bin/sh\necho "ssh $*" >>/tmp/ssh-calls\nfor word in "$@"; do :; done\nexec sh -c "git-upload-pack /opt/origin"\n'

OVERLAY = "resources: [../../base]\nnamespace: web\n"
BASE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: b}\n"


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def git(where, *words):
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", "-C", where, *identity, *words], check=True, capture_output=True)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()

# The address of CodeCommit leads to the repository here; git alone knows where its system configuration lies.
PROLOGUE = """\
git config --system url./opt/origin.insteadOf https://git-codecommit.ap-northeast-1.amazonaws.com/v1/repos/manifests
git config --system --add safe.directory /opt/origin
git config --system --add safe.directory /opt/origin/.git
"""


class Scratch:
    """The root, what lies in the artifact bucket, and the manifests."""

    def __init__(self, place, programs):
        self.place = place
        for name in ("seed", "layer", "mounts", "artifacts", "origin"):
            (place / name).mkdir()
        place.chmod(0o755)
        for name in ("artifacts", "origin"):
            (place / "mounts" / name).symlink_to(place / name)
        self.settings = {
            "ENVIRONMENT": "develop",
            "CLUSTER": "develop-eks",
            "REGION": "ap-northeast-1",
            "ARTIFACTS": "s3://artifacts/envguard",
            "PACKAGE": PACKAGE,
            "MANIFEST_SOURCE": "codecommit",
            "MANIFEST_LOCATION": "manifests",
            "CONTACT": "#sre-oncall",
        }
        self.prologue = PROLOGUE
        self.stubs()
        self.package(programs)
        self.kubectl()
        self.manifests()

    def stubs(self):
        stubs = {"aws": AWS, "rpm": RPM, "dnf": RECORD, "systemctl": RECORD, "ssh": SSH, "curl": RECORD + "exit 7\n"}
        for name, text in stubs.items():
            write(self.place / "seed/usr/local/sbin" / name, text, 0o755)
        write(self.place / "seed/var/log/calls", "", 0o666)

    def package(self, programs):
        path = self.place / "artifacts" / PACKAGE
        with tarfile.open(path, "w") as tar:
            tar.add(programs / "kubectl-envguard", "usr/bin/kubectl-envguard")
            tar.add(ROOT / "shell/session.sh", "usr/lib/envguard/session.sh")
            for unit in (ROOT / "deploy/systemd").iterdir():
                tar.add(unit, f"usr/lib/systemd/system/{unit.name}")
        self.settings["PACKAGE_SHA256"] = sha256(path)

    def kubectl(self):
        tools = os.environ.get("ENVGUARD_TEST_TOOLS", ROOT / "target/tools")
        listed = subprocess.run(
            [ROOT / "tests/tools.sh", "list", tools], capture_output=True, text=True, check=True
        ).stdout.split("\n")
        path = self.place / "artifacts/kubectl/1.31/linux" / ARCH / "kubectl"
        path.parent.mkdir(parents=True)
        shutil.copy(listed[-2].split("\t")[1], path)
        write(path.with_suffix(".sha256"), f"{sha256(path)}  kubectl\n")

    def manifests(self):
        origin = self.place / "origin"
        git(origin, "init", "--quiet")
        write(origin / "base/kustomization.yaml", "resources: [web.yaml]\n")
        write(origin / "base/web.yaml", BASE)
        for name in ("develop", "prod", "staging"):
            write(origin / "overlays" / name / "kustomization.yaml", OVERLAY)
        self.commit("manifests")
        certificate = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            + ["-keyout", "/dev/null", "-subj", "/CN=kubernetes", "-days", "2"],
            capture_output=True,
            check=True,
        ).stdout
        import base64

        write(self.place / "artifacts/ca", base64.b64encode(certificate).decode())

    def commit(self, message):
        git(self.place / "origin", "add", ".")
        git(self.place / "origin", "commit", "--quiet", "-m", message)

    def run(self, after=""):
        """Runs the script and then `after`; the exit code is the script's, or that of `after`."""
        settings = "".join(f"DEPLOY_{name}='{value}'\n" for name, value in self.settings.items())
        write(self.place / "seed/etc/envguard-deploy/settings", settings, 0o600)
        shutil.copy(ROOT / "deploy/user-data.sh", self.place / "seed/etc/envguard-deploy/user-data.sh")
        write(self.place / "script", f"{self.prologue}sh /etc/envguard-deploy/user-data.sh || exit\nset -e\n{after}\n")
        subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--fork", "sh", Path(__file__).with_name("scratch.sh"), self.place],
            check=True,
        )
        self.upper = self.place / "upper"
        self.output = (self.place / "output").read_text()
        self.console = (self.place / "console").read_text()
        self.calls = (self.upper / "var/log/calls").read_text()
        return int((self.place / "code").read_text())

    def path(self, name):
        return self.upper / name.lstrip("/")


def can_have_a_root():
    return os.getuid() == 0 and subprocess.run(["unshare", "--mount", "--net", "true"], check=False).returncode == 0


@pytest.fixture(scope="session")
def stripped(programs, tmp_path_factory):
    """The program without debug information: it is copied often."""
    place = tmp_path_factory.mktemp("programs")
    subprocess.run(
        ["strip", "-o", place / "kubectl-envguard", programs / "kubectl-envguard"], check=True
    )
    return place


@pytest.fixture
def scratch(tmp_path, stripped):
    if not can_have_a_root():
        pytest.skip("a root of its own needs root and mount namespaces")
    # Other users of the scratch root pass through it.
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    return Scratch(tmp_path, stripped)


AS_OPERATOR = """useradd --create-home alice
operator() { runuser -u alice -- env HOME=/home/alice "$@"; }
"""


def test_a_fresh_root_becomes_a_guarded_instance(scratch):
    after = AS_OPERATOR + """
cd /srv/manifests
echo "status: $(operator git status --short)."
git config --system --get-all safe.directory
operator kubectl-envguard check -- apply -k overlays/develop >/dev/null && echo allowed
operator kubectl-envguard apply -k overlays/prod || echo "prod: $?"
operator kubectl-envguard -- version --client
"""
    assert scratch.run(after) == 0, scratch.output
    assert "status: ." in scratch.output, scratch.output
    assert "allowed" in scratch.output
    assert "\n/srv/manifests\n" in scratch.output, "safe.directory"
    assert "refused (target-foreign)" in scratch.output
    assert "prod: 77" in scratch.output
    assert "Client Version" in scratch.output
    overlays = scratch.path("/srv/manifests/overlays")
    assert sorted(p.name for p in overlays.iterdir()) == ["develop"]
    config = yaml.safe_load(scratch.path("/etc/envguard/config.yaml").read_text())
    assert config["environment"] == "develop"
    assert config["cluster"]["name"] == "develop-eks"
    [checkout] = config["checkouts"]
    assert (checkout["path"], checkout["overlayRoots"], checkout["allow"]) == ("/srv/manifests", ["overlays"], ["develop"])
    assert checkout["branches"] == ["main"]
    assert config["banner"]["contact"] == "#sre-oncall"
    kubeconfig = scratch.path("/etc/envguard/kubeconfig")
    assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o444
    assert "command: /usr/local/sbin/aws" in kubeconfig.read_text()
    assert "set up: develop, cluster develop-eks" in scratch.console
    assert not scratch.path("/etc/profile.d/zzz-envguard-not-set-up.sh").exists()
    enabled = "systemctl enable --now envguard-watch@manifests.service envguard-tidy@manifests.timer manifests-fetch.timer"
    assert enabled in scratch.calls
    assert "ENV=/usr/lib/envguard/session.sh" in scratch.path(
        "/etc/systemd/system/amazon-ssm-agent.service.d/envguard.conf"
    ).read_text()
    assert "User=manifests" in scratch.path("/etc/systemd/system/manifests-fetch.service").read_text()


@pytest.mark.parametrize(
    "settings", [{"OVERLAY_ROOTS": "overlays apps/*/overlays", "SHARED": "base", "FOREIGN": "prod staging"}, {}]
)
def test_the_overlays_of_others_are_never_on_the_disk(scratch, settings):
    scratch.settings.update(settings)
    # git says which files it writes, by a filter.
    write(scratch.place / "origin/.gitattributes", "overlays/** filter=seen\n")
    scratch.commit("attributes")
    scratch.prologue += "git config --system filter.seen.smudge 'echo %f >>/tmp/seen; cat'\n"
    assert scratch.run("sort -u /tmp/seen") == 0, scratch.output
    assert scratch.output.split("\n")[-2:] == ["overlays/develop/kustomization.yaml", ""]
    assert "overlays/prod" not in scratch.output
    assert not scratch.path("/srv/manifests/overlays/prod").exists()
    config = yaml.safe_load(scratch.path("/etc/envguard/config.yaml").read_text())
    roots = settings.get("OVERLAY_ROOTS", "overlays").split()
    assert config["checkouts"][0]["overlayRoots"] == roots
    assert sorted(config["checkouts"][0]["foreign"]) == ["prod", "staging"]
    # The parent is root's again, although the owner has made the clone there.
    srv = scratch.path("/srv")
    assert srv.stat().st_uid == 0


def test_a_deploy_key_is_read_by_the_owner_only(scratch):
    write(scratch.place / "artifacts/parameters/envguard/develop/deploy-key", "PRIVATE\n")
    scratch.settings.update(
        MANIFEST_SOURCE="deploy-key",
        MANIFEST_LOCATION="git@git.example.com:org/manifests.git",
        KEY_PARAMETER="/envguard/develop/deploy-key",
        KNOWN_HOSTS="git.example.com ssh-ed25519 AAAA",
        GIT_PROXY="proxy.example.com:3128",
    )
    assert scratch.run("cat /tmp/ssh-calls") == 0, scratch.output
    assert "-o StrictHostKeyChecking=yes" in scratch.output
    assert "-o ProxyCommand=ncat --proxy proxy.example.com:3128 --proxy-type http %h %p" in scratch.output
    key = scratch.path("/var/lib/manifests/.ssh/deploy-key")
    assert key.read_text() == "PRIVATE\n"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.stat().st_uid == scratch.path("/srv/manifests").stat().st_uid != 0
    assert (scratch.path("/srv/manifests/overlays/develop")).is_dir()
    assert not (scratch.path("/srv/manifests/overlays/prod")).exists()


def test_a_bundle_is_fetched_again(scratch):
    bundle = scratch.place / "artifacts/manifests.bundle"
    git(scratch.place / "origin", "bundle", "create", str(bundle), "main")
    write(scratch.place / "origin/base/web.yaml", BASE.replace("b}", "c}"))
    write(scratch.place / "origin/overlays/canary/kustomization.yaml", OVERLAY)
    scratch.commit("newer")
    git(scratch.place / "origin", "bundle", "create", str(scratch.place / "artifacts/newer.bundle"), "main")
    scratch.settings.update(MANIFEST_SOURCE="bundle", MANIFEST_LOCATION="manifests.bundle")
    fetch = "runuser -u manifests -- env HOME=/var/lib/manifests "
    after = f"""
cp /opt/artifacts/newer.bundle /opt/artifacts/manifests.bundle
{fetch}/etc/envguard-deploy/fetch
{fetch}kubectl-envguard watch --once
cat /srv/manifests/base/web.yaml; ls /srv/manifests/overlays
"""
    assert scratch.run(after) == 0, scratch.output
    assert "data: {a: c}" in scratch.output


def test_the_timer_never_merges(scratch):
    fetch = "runuser -u manifests -- env HOME=/var/lib/manifests "
    after = f"""
cd /srv/manifests
{fetch}git -c user.name=x -c user.email=x@example.invalid commit --quiet --allow-empty -m local
(cd /opt/origin && git -c user.name=x -c user.email=x@example.invalid commit --quiet --allow-empty -m remote)
{fetch}/etc/envguard-deploy/fetch || echo "fetch: $?"
git log --format=%s -1
"""
    assert scratch.run(after) == 0, scratch.output
    assert "fetch: 128" in scratch.output
    assert scratch.output.rstrip().endswith("local")


def test_without_pull_the_checkout_stays(scratch):
    scratch.settings["PULL"] = "no"
    assert scratch.run("cat /etc/envguard-deploy/fetch") == 0, scratch.output
    assert "git fetch" in scratch.output
    assert "merge" not in scratch.path("/etc/envguard-deploy/fetch").read_text()


def test_an_operator_of_its_own_has_no_sudo(scratch):
    scratch.settings["RUN_AS"] = "alice"
    assert scratch.run("id alice") == 0, scratch.output
    assert not scratch.path("/etc/sudoers.d").exists()


def tampered(scratch, name):
    path = scratch.place / "artifacts" / name
    path.write_bytes(path.read_bytes() + b"\n")


@pytest.mark.parametrize(
    ("break_it", "step", "says"),
    [
        (lambda s: tampered(s, PACKAGE), "installing envguard", "is not the file that was meant"),
        (lambda s: (s.place / "artifacts" / PACKAGE).unlink(), "installing envguard", "could not be fetched"),
        (lambda s: tampered(s, f"kubectl/1.31/linux/{ARCH}/kubectl"), "installing kubectl", "is not the file that was meant"),
        (
            lambda s: write(s.place / f"artifacts/kubectl/1.31/linux/{ARCH}/kubectl.sha256", "<html>\n"),
            "installing kubectl",
            "there is no SHA-256 for kubectl",
        ),
        (lambda s: s.settings.update(BRANCH="mian"), "cloning the manifests", "mian"),
        (
            lambda s: s.settings.update(ALLOW="devlop", OVERLAY_ROOTS="overlays"),
            "looking for the allowed overlays",
            "none of the overlays 'devlop'",
        ),
        (lambda s: s.settings.update(CLUSTER=""), "reading the settings", "DEPLOY_CLUSTER is not set"),
        (
            lambda s: s.settings.update(MANIFEST_SOURCE="deploy-key", KEY_PARAMETER="/x"),
            "reading the settings",
            "DEPLOY_KNOWN_HOSTS is not set",
        ),
        (lambda s: s.settings.update(KUBECTL_SOURCE="https://dl.example.com"), "installing kubectl", "could not be fetched"),
    ],
    ids=["package", "no-package", "kubectl", "hash", "branch", "allow", "cluster", "known-hosts", "mirror"],
)
def test_what_fails_leaves_no_kubectl_and_says_so(scratch, break_it, step, says):
    break_it(scratch)
    assert scratch.run("exit 99") not in (0, 99), scratch.output
    assert "NOT SET UP" in scratch.console, scratch.output
    assert step in scratch.console and says in scratch.console, scratch.console
    assert not scratch.path("/usr/bin/kubectl").exists()
    warning = scratch.path("/etc/profile.d/zzz-envguard-not-set-up.sh")
    for flags, shown in (("-ic", True), ("-c", False)):
        shell = subprocess.run(["bash", "--norc", flags, f". {warning}"], capture_output=True, text=True, check=False)
        assert ("NOT SET UP" in shell.stderr) is shown
    assert not list(scratch.path("/tmp").glob("tmp.*")) if scratch.path("/tmp").exists() else True


def test_cloud_init_gives_it_no_home(scratch):
    # Neither does Run Command give `update` one.
    scratch.prologue += "unset HOME\n"
    update = f"sh /etc/envguard-deploy/user-data.sh update {PACKAGE} {scratch.settings['PACKAGE_SHA256']}"
    assert scratch.run(f"cd /srv/manifests\nkubectl-envguard --version\n{update}\n") == 0, scratch.output
    assert "set up: develop" in scratch.console
    assert "updated and set up: develop" in scratch.console


def test_it_can_be_run_again(scratch):
    again = "sh /etc/envguard-deploy/user-data.sh >/dev/null && cat /etc/envguard-deploy/settings"
    assert scratch.run(again) == 0, scratch.output
    assert "DEPLOY_CONTACT='#sre-oncall'" in scratch.output


def test_update_brings_package_policy_and_kubectl(scratch):
    write(scratch.place / "artifacts/parameters/envguard/policy", "policy:\n  mode: observe\n")
    write(scratch.place / "artifacts/parameters/envguard/bad", "policy:\n  mode: perhaps\n")
    write(scratch.place / "artifacts/parameters/envguard/wide", "policy: {}\nenvironment: prod\n")
    update = f"sh /etc/envguard-deploy/user-data.sh update {PACKAGE} {scratch.settings['PACKAGE_SHA256']}"
    after = f"""
rm /usr/bin/kubectl
{update} /envguard/policy
cp /etc/envguard/config.yaml /root/good
{update} /envguard/bad || echo "bad: $?"
ls /etc/profile.d/zzz-envguard-not-updated.sh
cmp /root/good /etc/envguard/config.yaml
{update} /envguard/wide || echo "wide: $?"
cmp /root/good /etc/envguard/config.yaml
{update} /envguard/policy
! ls /etc/profile.d/zzz-envguard-not-updated.sh
cmp /root/good /etc/envguard/config.yaml
sh /etc/envguard-deploy/user-data.sh update other.rpm {'0' * 64} || echo "other: $?"
"""
    assert scratch.run(after) == 0, scratch.output
    for word in ("bad: 1", "wide: 1", "other: 1"):
        assert word in scratch.output, scratch.output
    # A guarded instance is not called one that is not set up.
    assert "NOT SET UP" not in scratch.console
    assert "NOT UPDATED (installing envguard)" in scratch.console
    assert f"then run: sh /etc/envguard-deploy/user-data.sh update other.rpm {'0' * 64}\n" in scratch.console
    warning = scratch.path("/etc/profile.d/zzz-envguard-not-updated.sh")
    shell = subprocess.run(["bash", "--norc", "-ic", f". {warning}"], capture_output=True, text=True, check=False)
    assert "!!! This kubectl instance is NOT UPDATED: see /var/log/envguard-deploy.log !!!" in shell.stderr
    assert not scratch.path("/etc/profile.d/zzz-envguard-not-set-up.sh").exists()
    assert yaml.safe_load(scratch.path("/etc/envguard/config.yaml").read_text())["policy"]["mode"] == "observe"
    assert scratch.path("/usr/bin/kubectl").exists()
    assert f"DEPLOY_PACKAGE='{PACKAGE}'" in scratch.path("/etc/envguard-deploy/settings").read_text()
