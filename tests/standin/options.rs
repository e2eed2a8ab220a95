//! The command line, parsed by hand: seven options do not justify a dependency
//! in a program that every test run has to build.

use std::ffi::OsString;
use std::path::PathBuf;

const USAGE: &str = "usage: apiserver-standin --dir DIR [--name NAME] [--kubernetes 1.NN] [--objects FILE] [--plain] [--exit-with-stdin]";

/// What the starter asked for.
#[derive(Debug)]
pub(crate) struct Options {
    /// Where kubeconfig, CA, address and request log go.
    pub(crate) dir: PathBuf,
    /// Name of the context and of the cluster.
    pub(crate) name: String,
    /// Minor version that `/version` reports: kubectl compares it with its own.
    pub(crate) minor: u16,
    /// Objects that are there from the beginning.
    pub(crate) objects: Option<PathBuf>,
    /// Serve plain HTTP, without certificates and without asking for the token.
    pub(crate) plain: bool,
    /// End when standard input does.
    pub(crate) exit_with_stdin: bool,
}

impl Options {
    /// The error is the text for standard error.
    pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut arguments = arguments;
        let mut dir = None;
        let mut options = Self {
            dir: PathBuf::new(),
            name: "standin".into(),
            minor: 33,
            objects: None,
            plain: false,
            exit_with_stdin: false,
        };
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().ok_or(format!("{argument:?} wants a value\n{USAGE}"));
            match argument.to_str() {
                Some("--dir") => dir = Some(PathBuf::from(value()?)),
                Some("--name") => options.name = utf8(value()?)?,
                Some("--kubernetes") => options.minor = minor(&utf8(value()?)?)?,
                Some("--objects") => options.objects = Some(PathBuf::from(value()?)),
                Some("--plain") => options.plain = true,
                Some("--exit-with-stdin") => options.exit_with_stdin = true,
                _ => return Err(format!("unknown argument {argument:?}\n{USAGE}")),
            }
        }
        options.dir = dir.ok_or(format!("--dir is required\n{USAGE}"))?;
        Ok(options)
    }
}

fn utf8(value: OsString) -> Result<String, String> {
    value.into_string().map_err(|value| format!("not UTF-8: {value:?}"))
}

fn minor(version: &str) -> Result<u16, String> {
    version
        .strip_prefix("1.")
        .and_then(|minor| minor.parse().ok())
        .ok_or(format!("not a version like 1.33: {version:?}"))
}
