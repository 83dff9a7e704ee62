//! The options of `test` once everything was laid together: the command line,
//! then `SEALCHECK_*` (both by clap), then `sealcheck.toml`, then the default.

use super::arguments::{Choice, FailOn, ProgressChoice, ScratchChoice, Surroundings, Talk, TestArguments};
use super::shard::{self, Asked};
use crate::text::Complaint;
use crate::upstream::DEFAULT_LIMIT;
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// Options with every default filled in.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) choice: Choice,
    pub(crate) require_margin: u32,
    /// Whether somebody asked for it; else it is what is required of everyone.
    pub(crate) margin_demanded: bool,
    pub(crate) jobs: usize,
    pub(crate) scratch: ScratchChoice,
    pub(crate) timeout: Duration,
    pub(crate) reports: Vec<ReportTarget>,
    pub(crate) fail_on: FailOn,
    pub(crate) progress: ProgressChoice,
    /// Which part of the test is run; `None` is all of it.
    pub(crate) shard: Option<Asked>,
    pub(crate) trace: bool,
    pub(crate) watch: bool,
    /// Bytes that the store may have afterwards.
    pub(crate) store_limit: u64,
}

/// One `--report FORMAT=PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportTarget {
    /// The format.
    pub(crate) format: ReportFormat,
    /// `None` is standard output.
    pub(crate) path: Option<PathBuf>,
}

/// A format of `--report` and of `sealcheck report`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people, as `test` prints it
    Terminal,
    /// Everything, for programs; the format that is read back
    Json,
    /// A page for a browser, in one file that opens from disk
    Html,
    /// For a step summary or a comment of a pull request
    Markdown,
    /// For a CI system's view of tests: a suite a toolchain, a case a scenario
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// An in-toto statement for auditors, to be signed
    Intoto,
}

impl ReportFormat {
    /// As the user writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Json => "json",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Junit => "junit",
            Self::Sarif => "sarif",
            Self::Intoto => "intoto",
        }
    }

    /// All names, as in "one of `json`, `markdown`".
    fn names() -> String {
        let names: Vec<String> =
            Self::value_variants().iter().map(|format| format!("`{}`", format.name())).collect();
        format!("one of {}", names.join(", "))
    }
}

type Table = BTreeMap<String, toml::Value>;

/// Lays how the command line wants to be talked to over how the file does.
pub(crate) fn layer_talk(talk: &Talk, file: &Table) -> Result<Talk, Complaint> {
    Ok(Talk {
        color: choose(talk.color, file, "color")?,
        verbose: talk.verbose.max(u8::from(flag(file, "verbose")?)),
        quiet: talk.quiet || flag(file, "quiet")?,
    })
}

/// What `sealcheck.toml` says of runs, for commands that have no options of their own for it.
pub(crate) fn of_file(file: &Table, root: &Path) -> Result<Options, Complaint> {
    layer(TestArguments::default(), file, root)
}

/// Lays `arguments` over the options of the project's `sealcheck.toml`, whose paths
/// are below `root`.
pub(crate) fn layer(arguments: TestArguments, file: &Table, root: &Path) -> Result<Options, Complaint> {
    let TestArguments { mut choice, running: arguments, surroundings, shard, .. } = arguments;
    // What a project's own file says of a store is said of its own.
    let of_file = if surroundings.store.is_none() { word(file, "store-limit")? } else { None };
    let store_limit = arguments.store_limit.clone().or(of_file);
    layer_choice(&mut choice, file, root)?;
    let count = arguments.jobs.map_or_else(|| number(file, "jobs"), |jobs| Ok(Some(jobs.into())))?;
    let margin = arguments.require_margin.map(u64::from);
    let margin = margin.map_or_else(|| number(file, "require-margin"), |margin| Ok(Some(margin)))?;
    let timeout = match (arguments.timeout, file.get("timeout")) {
        (None, Some(toml::Value::Integer(seconds))) => Some(seconds.to_string()),
        (None, _) => word(file, "timeout")?,
        (given, _) => given,
    };
    let given = arguments.report.iter().map(|text| report_target(text));
    let mut reports = given.collect::<Result<Vec<_>, _>>()?;
    if reports.is_empty() {
        for text in words(file, "report")? {
            let ReportTarget { format, path } = report_target(&text)?;
            reports.push(ReportTarget {
                format,
                path: path.map(|path| inside(root, "report", &path)).transpose()?,
            });
        }
    }
    Ok(Options {
        choice,
        require_margin: u32::try_from(margin.unwrap_or(2)).unwrap_or(u32::MAX),
        margin_demanded: margin.is_some(),
        jobs: jobs(count),
        scratch: choose(arguments.scratch, file, "scratch")?.unwrap_or(ScratchChoice::Auto),
        timeout: timeout.as_deref().map_or(Ok(Duration::from_secs(900)), duration)?,
        reports,
        fail_on: choose(arguments.fail_on, file, "fail-on")?.unwrap_or(FailOn::Error),
        progress: choose(arguments.progress, file, "progress")?.unwrap_or(ProgressChoice::Auto),
        shard: shard.as_deref().map(shard::asked).transpose()?,
        trace: !arguments.no_trace,
        watch: !arguments.no_trace && !arguments.no_watch,
        store_limit: store_limit.as_deref().map_or(Ok(DEFAULT_LIMIT), size)?,
    })
}

/// How many runs go side by side: as many as was asked for, else one for each core.
pub(crate) fn jobs(asked: Option<u64>) -> usize {
    let asked = asked.and_then(|jobs| usize::try_from(jobs).ok()).filter(|jobs| *jobs > 0);
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Lays the file's choice of scenarios under the command line's.
pub(crate) fn layer_choice(choice: &mut Choice, file: &Table, root: &Path) -> Result<(), Complaint> {
    if choice.scenarios_dir.is_none() {
        choice.scenarios_dir = path(file, "scenarios-dir", root)?;
    }
    if choice.scenario.is_empty() {
        choice.scenario = words(file, "scenario")?;
    }
    if choice.skip.is_empty() {
        choice.skip = words(file, "skip")?;
    }
    if choice.suite.is_none() {
        choice.suite = word(file, "suite")?;
    }
    if choice.repeat.is_none() {
        choice.repeat = number(file, "repeat")?.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    }
    if choice.repeat == Some(0) {
        return Err(Complaint::about("`repeat` is 0").help("each scenario has to run at least once"));
    }
    Ok(())
}

/// Lays the file's surroundings under the command line's.
pub(crate) fn layer_surroundings(
    surroundings: &mut Surroundings,
    file: &Table,
    root: &Path,
) -> Result<(), Complaint> {
    if surroundings.store.is_none() {
        surroundings.store = path(file, "store", root)?;
    }
    if surroundings.toolchain.is_empty() {
        surroundings.toolchain = words(file, "toolchain")?;
    }
    if surroundings.backend.is_none() {
        surroundings.backend = choose(None, file, "backend")?;
    }
    if surroundings.image.is_empty() {
        surroundings.image = words(file, "image")?;
    }
    surroundings.offline |= flag(file, "offline")?;
    Ok(())
}

/// A path that a file sets. The project's own stay below the project, also where links
/// lead: it could otherwise have any file of its user's overwritten. Only the policy may
/// set others, which the reading of both has seen to.
pub(crate) fn inside(root: &Path, key: &str, path: &Path) -> Result<PathBuf, Complaint> {
    let down = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !path.components().all(down) {
        return Ok(path.to_path_buf());
    }
    let whole = root.join(path);
    let there = whole.ancestors().find_map(|folder| folder.canonicalize().ok());
    if there.is_some_and(|there| there.starts_with(root)) {
        return Ok(whole);
    }
    Err(Complaint::about(format!("`{key}` in sealcheck.toml leads out of the project: `{}`", path.display()))
        .help("give it as an option, or name a path inside the project"))
}

/// A path of the file's below the project.
fn path(file: &Table, key: &str, root: &Path) -> Result<Option<PathBuf>, Complaint> {
    word(file, key)?.map(|text| inside(root, key, Path::new(&text))).transpose()
}

fn flag(file: &Table, key: &str) -> Result<bool, Complaint> {
    match file.get(key) {
        None => Ok(false),
        Some(toml::Value::Boolean(flag)) => Ok(*flag),
        Some(other) => Err(wrong(key, "true or false", other)),
    }
}

fn wrong(key: &str, wanted: &str, found: &toml::Value) -> Complaint {
    Complaint::about(format!("`{key}` in sealcheck.toml must be {wanted}, not {}", found.type_str()))
}

fn word(file: &Table, key: &str) -> Result<Option<String>, Complaint> {
    match file.get(key) {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(wrong(key, "a text", other)),
    }
}

fn words(file: &Table, key: &str) -> Result<Vec<String>, Complaint> {
    match file.get(key) {
        None => Ok(Vec::new()),
        Some(toml::Value::String(text)) => Ok(vec![text.clone()]),
        Some(toml::Value::Array(all)) => all
            .iter()
            .map(|one| one.as_str().map(str::to_owned).ok_or_else(|| wrong(key, "texts", one)))
            .collect(),
        Some(other) => Err(wrong(key, "a text or a list of texts", other)),
    }
}

fn number(file: &Table, key: &str) -> Result<Option<u64>, Complaint> {
    match file.get(key) {
        None => Ok(None),
        Some(toml::Value::Integer(n)) => {
            u64::try_from(*n).ok().map(Some).ok_or_else(|| Complaint::about(format!("`{key}` is negative")))
        }
        Some(other) => Err(wrong(key, "a number", other)),
    }
}

fn choose<T: ValueEnum>(given: Option<T>, file: &Table, key: &str) -> Result<Option<T>, Complaint> {
    if given.is_some() {
        return Ok(given);
    }
    let Some(text) = word(file, key)? else { return Ok(None) };
    T::from_str(&text, true).ok().map(Some).ok_or_else(|| {
        let names: Vec<String> = T::value_variants()
            .iter()
            .filter_map(|one| one.to_possible_value())
            .map(|one| format!("`{}`", one.get_name()))
            .collect();
        Complaint::about(format!("`{key}` cannot be `{text}`")).help(format!("one of {}", names.join(", ")))
    })
}

/// `500ms`, `90s`, `15m`, `2h`, `7d`, or a bare number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, Complaint> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "ms" => 1,
        "" | "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => 0,
    };
    match digits.parse::<u64>() {
        Ok(count) if factor > 0 && count > 0 => Ok(Duration::from_millis(count.saturating_mul(factor))),
        Ok(_) | Err(_) => Err(Complaint::about(format!("`{text}` is no duration"))
            .help("write a number and `s`, `m`, `h` or `d`, as in `90s` or `15m`")),
    }
}

/// `500MB`, `2GB`, `2GiB`, or a bare number of bytes.
pub(crate) fn size(text: &str) -> Result<u64, Complaint> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor: Option<u64> = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kb" | "k" => Some(1_000),
        "mb" | "m" => Some(1_000_000),
        "gb" | "g" => Some(1_000_000_000),
        "kib" => Some(1 << 10),
        "mib" => Some(1 << 20),
        "gib" => Some(1 << 30),
        _ => None,
    };
    match (digits.trim().parse::<u64>(), factor) {
        (Ok(count), Some(factor)) => Ok(count.saturating_mul(factor)),
        (_, _) => Err(Complaint::about(format!("`{text}` is no size"))
            .help("write a number and `MB`, `GB` or `GiB`, as in `500MB` or `2GB`")),
    }
}

/// The reports that the command line asks for.
pub(super) fn report_targets(arguments: &TestArguments) -> Result<Vec<ReportTarget>, Complaint> {
    arguments.running.report.iter().map(|text| report_target(text)).collect()
}

pub(super) fn report_target(text: &str) -> Result<ReportTarget, Complaint> {
    let (format, path) = text.split_once('=').ok_or_else(|| {
        Complaint::about(format!("`{text}` is no report")).help("write FORMAT=PATH, as in `json=report.json`")
    })?;
    let format = ReportFormat::from_str(format, true).ok().ok_or_else(|| {
        Complaint::about(format!("`{format}` is no format of a report")).help(ReportFormat::names())
    })?;
    if path.is_empty() {
        return Err(Complaint::about(format!("`{text}` names no file")).help("`-` is standard output"));
    }
    Ok(ReportTarget { format, path: (path != "-").then(|| PathBuf::from(path)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn layered(words: &[&str], file: &str) -> Result<Options, Complaint> {
        let arguments =
            super::super::arguments::Arguments::parse_from(["sealcheck", "test"].iter().chain(words.iter()));
        let super::super::arguments::Command::Test(test) = arguments.command else { panic!("not a test") };
        layer(test, &toml::from_str(file).unwrap(), Path::new("/"))
    }

    #[test]
    fn a_margin_that_nothing_would_measure_is_refused() {
        for (words, file, measured, refused) in [
            (&["--require-margin", "3"][..], "", false, true),
            (&["--require-margin", "2"], "", false, true),
            (&[], "require-margin = 3", false, true),
            (&["--require-margin", "3"], "", true, false),
            (&["--require-margin", "4"], "", true, false),
            // The search ends at three losses at once.
            (&["--require-margin", "5"], "", true, true),
            // Sealed with all defences is what every suite shows, and 2 is required of everyone.
            (&["--require-margin", "1"], "", false, false),
            (&["--require-margin", "0"], "", false, false),
            (&[], "", false, false),
        ] {
            let options = layered(words, file).unwrap();
            let told = crate::cli::margin::measurable(&options, measured);
            assert_eq!(told.is_err(), refused, "{words:?} {file} {measured}");
            if let (Err(complaint), false) = (told, measured) {
                assert!(complaint.help.is_some_and(|help| help.contains("--suite margin")), "{words:?}");
            }
        }
    }

    #[test]
    fn the_command_line_lies_over_the_file() {
        let options =
            layered(&["--jobs", "3"], "jobs = 5\ntimeout = \"90s\"\nfail-on = \"warning\"").unwrap();
        assert_eq!((options.jobs, options.timeout.as_secs()), (3, 90));
        assert_eq!(options.fail_on, FailOn::Warning);
        assert_eq!(options.require_margin, 2);
    }

    #[test]
    fn sizes_and_durations_are_as_people_write_them() {
        for (text, bytes) in
            [("0", 0), ("12", 12), ("500MB", 500_000_000), ("2gb", 2_000_000_000), ("1GiB", 1 << 30)]
        {
            assert_eq!(size(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "GB", "-1", "1.5GB", "2 XB", "two"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert_eq!(duration("7d").unwrap().as_secs(), 604_800);
    }

    #[test]
    fn a_files_limit_is_that_of_its_own_store() {
        let file = "store = \"kept\"\nstore-limit = \"1MB\"";
        assert_eq!(layered(&[], file).unwrap().store_limit, 1_000_000);
        assert_eq!(layered(&["--store", "mine"], file).unwrap().store_limit, DEFAULT_LIMIT);
        assert_eq!(layered(&["--store-limit", "2MB"], file).unwrap().store_limit, 2_000_000);
    }

    #[test]
    fn a_wrong_value_is_named_with_what_would_do() {
        for (file, part) in [
            ("timeout = \"soon\"", "`soon` is no duration"),
            ("fail-on = \"always\"", "`fail-on` cannot be `always`"),
            ("report = \"json\"", "`json` is no report"),
            ("report = \"xml=a\"", "`xml` is no format"),
            ("store-limit = \"much\"", "`much` is no size"),
            ("jobs = \"two\"", "`jobs` in sealcheck.toml must be a number"),
        ] {
            let error = layered(&[], file).unwrap_err().to_string();
            assert!(error.contains(part), "{file}: {error}");
        }
    }
}
