//! The workflows: what others wrote never runs beside a secret, or with a token that may
//! write.

use serde_yaml::Value;

use super::page;

const WORKFLOWS: [&str; 2] = [".github/workflows/ci.yml", ".github/workflows/release.yml"];

/// The jobs of a workflow, each with its name.
fn jobs(workflow: &str) -> Vec<(String, Value)> {
    let whole: Value = serde_yaml::from_str(&page(workflow)).unwrap();
    let jobs = whole["jobs"].as_mapping().unwrap().clone();
    jobs.into_iter().map(|(name, job)| (name.as_str().unwrap().to_owned(), job)).collect()
}

/// None where the job is another workflow.
fn steps(job: &Value) -> &[Value] {
    job["steps"].as_sequence().map_or(&[], Vec::as_slice)
}

/// Whether a job has what must not be stolen.
fn is_trusted(job: &Value) -> bool {
    let text = serde_yaml::to_string(job).unwrap();
    text.contains("secrets.") || text.contains("github.token") || text.contains(": write")
}

#[test]
fn no_checkout_keeps_its_token() {
    let mut seen = 0;
    for workflow in WORKFLOWS {
        for (name, job) in jobs(workflow) {
            let is_checkout =
                |step: &&Value| step["uses"].as_str().is_some_and(|it| it.contains("/checkout@"));
            for step in steps(&job).iter().filter(is_checkout) {
                seen += 1;
                let kept = &step["with"]["persist-credentials"];
                assert_eq!(kept.as_bool(), Some(false), "{workflow}: {name}");
            }
        }
    }
    assert!(seen > 3, "{seen} checkouts");
}

#[test]
fn a_job_with_a_secret_compiles_and_fetches_nothing() {
    let mut seen = 0;
    for workflow in WORKFLOWS {
        for (name, job) in jobs(workflow).into_iter().filter(|(_, job)| is_trusted(job)) {
            seen += 1;
            let scripts = steps(&job).iter().filter_map(|step| step["run"].as_str());
            for script in scripts {
                for foreign in ["cargo", "rustup", "curl", "pip", "npm", "tests/run", "deploy/sbom"]
                {
                    assert!(!script.contains(foreign), "{workflow}: {name}: {script}");
                }
            }
        }
    }
    assert_eq!(seen, 1, "jobs with a secret");
}

#[test]
fn what_is_signed_is_all_that_is_published() {
    let (_, publish) = jobs(WORKFLOWS[1]).into_iter().find(|(name, _)| name == "publish").unwrap();
    let scripts: Vec<&str> =
        steps(&publish).iter().filter_map(|step| step["run"].as_str()).collect();
    let step = |what: &str| scripts.iter().position(|script| script.contains(what)).unwrap();
    assert!(step("deploy/krew") < step("deploy/sign"), "{scripts:#?}");
    assert!(step("deploy/sign") < step("gh release"), "{scripts:#?}");
    assert!(scripts[step("deploy/sign")].contains("trap 'rm -f \"$key\"' EXIT"), "{scripts:#?}");
}

#[test]
fn nothing_is_published_before_every_test_has_passed_on_that_commit() {
    let called: Value = serde_yaml::from_str(&page(WORKFLOWS[0])).unwrap();
    let on = called["on"].as_mapping().unwrap();
    assert!(on.contains_key("workflow_call"), "{on:?}");
    let (_, test) = jobs(WORKFLOWS[0]).into_iter().find(|(name, _)| name == "test").unwrap();
    assert!(steps(&test).iter().any(|step| step["run"].as_str() == Some(".ci/run")));
    let all = jobs(WORKFLOWS[1]);
    let calls = |job: &Value| job["uses"].as_str() == Some("./.github/workflows/ci.yml");
    let (ci, _) = all.iter().find(|(_, job)| calls(job)).unwrap();
    let (_, publish) = all.iter().find(|(name, _)| name == "publish").unwrap();
    let needs = publish["needs"].as_sequence().unwrap();
    assert!(needs.iter().any(|needed| needed.as_str() == Some(ci)), "{needs:?}");
    // A job that is left out, or may fail, is waited for in vain.
    for (name, job) in &all {
        assert!(job["continue-on-error"].is_null(), "{name}");
    }
    assert!(publish["if"].as_str().is_some_and(|it| !it.contains("always()")), "{publish:?}");
}
