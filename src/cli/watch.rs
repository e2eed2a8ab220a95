//! `watch`: the keeper as a daemon.

use std::path::{Path, PathBuf};

use super::args::Watch;
use super::owners;
use crate::env::Env;
use crate::exit::Exit;
use crate::judge::Territory;
use crate::keeper;
use crate::keeper::watch::{self, Instance, News};
use crate::report::Reporter;
use crate::run;
use crate::text::shown;

/// Fetches into each checkout of this user; whether all remotes answered.
fn fetch(territory: &Territory, reporter: Reporter) -> bool {
    let tops = territory.checkouts.iter().map(|checkout| &checkout.top);
    let hitches: Vec<_> = tops
        .filter(|top| keeper::is_ours(top))
        .filter_map(|top| keeper::fetch(top).err())
        .collect();
    hitches.iter().for_each(|hitch| reporter.error(&hitch.what, &hitch.remedy));
    hitches.is_empty()
}

/// Watches the checkouts of this user.
pub(super) fn watch(
    arguments: &Watch,
    named: Option<&Path>,
    env: &Env,
    reporter: Reporter,
) -> Exit {
    let named: Option<PathBuf> = named.map(Path::to_path_buf);
    let load = || {
        run::open(env, named.as_deref())
            .map(|instance| Instance {
                policy: instance.loaded.policy,
                file: instance.loaded.file,
                territory: instance.territory,
            })
            .map_err(|unusable| unusable.to_string())
    };
    let mut say = |news: News<'_>| match news {
        News::Done(report) => {
            reporter.warning(&watch::line(report));
            for (id, overlay) in &report.put_aside {
                reporter.warning(&format!(
                    "put aside: {}; back with: kubectl envguard restore {id} --to DIR",
                    shown(report.top.join(overlay))
                ));
            }
        }
        News::Hitch(hitch) => reporter.error(&hitch.what, &hitch.remedy),
        News::Over(hitch) => reporter.warning(&format!("over: {}", shown(&hitch.what))),
        News::Line(line) => reporter.warning(&line),
    };
    if arguments.once {
        return match run::open(env, named.as_deref()) {
            Ok(opened) => {
                let words: &[&str] = if arguments.fetch {
                    &["watch", "--once", "--fetch"]
                } else {
                    &["watch", "--once"]
                };
                let words = owners::words(named.as_deref(), words);
                let others = owners::run_as_each(&words, &opened.territory, env, reporter);
                let fetched = !arguments.fetch || fetch(&opened.territory, reporter);
                match load() {
                    Ok(instance) if watch::once(&instance, env, &mut say) && fetched => others,
                    _ => Exit::Failure,
                }
            }
            Err(unusable) => super::unusable(&unusable, reporter),
        };
    }
    match watch::forever(&load, env, &mut say) {
        Err(problem) => {
            reporter.error(&problem, "kubectl envguard why config-missing");
            Exit::Config
        }
    }
}
