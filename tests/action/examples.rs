//! The examples for CI systems: they say what the action and the program know, and the one
//! for cron is run.

use super::job::action;
use super::support;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::npm::in_empty_home;
use yaml_rust2::{Yaml, YamlLoader};

fn example(name: &str) -> Yaml {
    let text = fs::read_to_string(support::root().join("examples/ci").join(name)).unwrap();
    YamlLoader::load_from_str(&text).unwrap().remove(0)
}

/// What a job gives the action, by the inputs that this has.
fn given(job: &Yaml) -> Yaml {
    let steps = job["steps"].as_vec().unwrap();
    let uses = |step: &&Yaml| step["uses"].as_str().is_some_and(|it| it.starts_with("OWNER/sealcheck@"));
    let given = steps.iter().find(uses).unwrap()["with"].clone();
    for input in given.as_hash().unwrap().keys() {
        assert!(action()["inputs"].as_hash().unwrap().contains_key(input), "{input:?}");
    }
    given
}

#[test]
fn those_for_shards_divide_and_merge() {
    let workflow = example("github-matrix.yml");
    let shard = given(&workflow["jobs"]["shard"]);
    assert_eq!(
        shard["arguments"].as_str(),
        Some("--shard=${{ matrix.shard }}/${{ strategy.job-total }}"),
        "counted from 1 by the matrix"
    );
    assert_eq!(workflow["jobs"]["shard"]["strategy"]["matrix"]["shard"][0].as_i64(), Some(1));
    let category = shard["category"].as_str().unwrap();
    let steps = workflow["jobs"]["report"]["steps"].as_vec().unwrap();
    let pattern = steps.iter().find_map(|step| step["with"]["pattern"].as_str()).unwrap();
    assert!(category.starts_with(pattern.trim_end_matches('*')), "{pattern} is no {category}");
    let merges = |step: &Yaml| step["run"].as_str().is_some_and(|line| line.contains(" merge "));
    assert!(steps.iter().any(merges));
    let gitlab = fs::read_to_string(support::root().join("examples/ci/gitlab-parallel.yml")).unwrap();
    assert!(gitlab.contains("--shard \"$CI_NODE_INDEX/$CI_NODE_TOTAL\""), "counted from 1 by GitLab");
    assert!(example("gitlab-parallel.yml")["sealcheck shard"]["parallel"].as_i64().is_some());
    let job = fs::read_to_string(support::root().join("examples/ci/kubernetes-indexed-job.yaml")).unwrap();
    assert!(job.contains("JOB_COMPLETION_INDEX + 1"), "Kubernetes counts from 0");
    assert!(YamlLoader::load_from_str(&job).is_ok());
}

#[test]
fn the_one_for_github_gives_the_action_what_it_asks_for() {
    let workflow = example("github.yml");
    assert!(!given(&workflow["jobs"]["sealcheck"]).as_hash().unwrap().is_empty());
    let permissions = workflow["jobs"]["sealcheck"]["permissions"].as_hash().unwrap();
    assert_eq!(permissions.len(), 3, "no more than it needs");
}

#[test]
fn the_one_for_gitlab_uses_options_that_there_are() {
    let pipeline = example("gitlab.yml");
    let job = &pipeline["install"];
    assert_eq!(job["allow_failure"]["exit_codes"][0].as_i64(), Some(3));
    let line = job["script"][1].as_str().unwrap();
    let written: Vec<&str> =
        line.split(' ').filter_map(|word| word.split_once('=')).map(|(_, path)| path).collect();
    assert_eq!(written[1], job["artifacts"]["reports"]["junit"].as_str().unwrap());
    let told = Command::new(support::sealcheck()).args(["test", "--help"]).output().unwrap();
    let help = String::from_utf8(told.stdout).unwrap();
    for option in line.split(' ').filter(|word| word.starts_with("--")) {
        assert!(help.contains(option), "{option}");
    }
}

/// Code and output of the nightly test of an example.
fn nightly(project: &str, folder: &Path) -> (i32, String) {
    let mut command = Command::new(support::root().join("examples/ci/nightly-cron.sh"));
    in_empty_home(&mut command, folder);
    command.env("SEALCHECK", support::sealcheck());
    command.arg(support::root().join("examples").join(project)).arg(folder.join("reports"));
    let told = command.output().unwrap();
    let said = [told.stdout, told.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (told.status.code().unwrap(), said)
}

#[test]
fn the_one_for_cron_mails_what_is_not_sealed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("reports/2020-01-01");
    fs::create_dir_all(&old).unwrap();
    let touched = Command::new("touch").args(["-d", "2020-01-01"]).arg(&old).status().unwrap();
    assert!(touched.success());
    let (code, said) = nightly("leaky-shop", folder.path());
    assert_eq!(code, 1, "{said}");
    assert!(said.starts_with("sealcheck ended with 1 for ") && said.contains("\nleaked: "), "{said}");
    assert!(said.ends_with("exit 1: leaked\n"), "{said}");
    assert!(!old.exists(), "it is older than a month");
    let kept: Vec<_> = fs::read_dir(folder.path().join("reports")).unwrap().map(Result::unwrap).collect();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].path().join("report.json").exists() && kept[0].path().join("report.md").exists());
    assert_eq!(nightly("sealed-shop", folder.path()), (0, String::new()));
}
