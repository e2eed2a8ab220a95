"""cfn-lint has nothing to say, and its rules are not silenced."""

import subprocess
import sys
from pathlib import Path

import pytest
from template import DEPLOY

TEMPLATES = sorted(path.name for path in DEPLOY.glob("*.yaml"))


def lint(path):
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    return subprocess.run(
        [cfn_lint, "--regions", "ap-northeast-1", "us-east-1", "eu-central-1", "--", path],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_clean(name):
    result = lint(DEPLOY / name)
    assert (result.returncode, result.stdout) == (0, ""), result.stdout
    assert "cfn-lint" not in (DEPLOY / name).read_text()


def test_a_mistake_is_found(tmp_path):
    text = (DEPLOY / "kubectl-instance.yaml").read_text()
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace("HttpTokens: required", "HttpTokens: perhaps"))
    assert "HttpTokens" in lint(broken).stdout or lint(broken).returncode != 0
