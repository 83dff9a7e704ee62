//! What the user may say: subcommands and options, before configuration files
//! are laid under them.

use super::options::ReportFormat;
use crate::project::settings::{MOST_JOBS, MOST_REPETITIONS};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Tests whether an npm install stays sealed when the world around it goes wrong.
#[derive(Debug, Parser)]
#[command(name = "sealcheck", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) talk: Talk,
}

/// How the program talks, for every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Talk {
    /// Colour of messages and reports
    #[arg(long, value_enum, global = true, env = "SEALCHECK_COLOR")]
    pub(crate) color: Option<Color>,
    /// Say more (twice: everything)
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    /// Say nothing but the result
    #[arg(short, long, global = true, env = "SEALCHECK_QUIET", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the scenarios in throwaway sandboxes, judge, report
    Test(TestArguments),
    /// Record the present behaviour as the approved baseline, to be committed; `test` then reports drift from it
    Accept(AcceptArguments),
    /// Print what `test` would run, and run nothing
    Plan(PlanArguments),
    /// Read the project: npm config, private packages and why, what the lockfile pins
    Inspect(InspectArguments),
    /// What differs between two saved reports, or between two revisions of the lockfile
    Compare(CompareArguments),
    /// Print a saved report in another format; runs nothing, and exits with 0 whatever the report says
    Report(ReportArguments),
    /// Make one report of the shards of a test, and exit as that test would have
    Merge(MergeArguments),
    /// Print this machine's install environment as JSON, secrets replaced
    Capture(CaptureArguments),
    /// The catalogue of scenarios
    #[command(subcommand)]
    Scenarios(ScenariosCommand),
    /// Inert copies of real attacks, and how well sealcheck itself tells them
    #[command(subcommand)]
    Drills(DrillsCommand),
    /// What a rule means, why it matters, how to mend it
    Explain {
        /// The rule's name; without one, all names
        rule: Option<String>,
    },
    /// What this machine can do, and the command that mends each lack
    Doctor(DoctorArguments),
    /// Remove whatever an interrupted run left
    Clean(CleanArguments),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page, as roff
    Man(ManArguments),
}

/// The commands by which the executable enters a sandbox. No user's, so they are in no
/// help and no completion.
#[derive(Debug, Parser)]
pub(crate) enum InsideCommand {
    #[command(name = "__stage")]
    Stage(Inside),
    #[command(name = "__witness")]
    Witness(Inside),
    /// PID 1 of a container
    #[command(name = "__inmate")]
    Inmate,
    /// The executable takes its place in the volume of an engine
    #[command(name = "__settle")]
    Settle,
    /// What an image has
    #[command(name = "__look")]
    Look,
}

/// What such a command is given.
#[derive(Debug, Args)]
pub(crate) struct Inside {
    /// The descriptor of the channel
    #[arg(long)]
    pub(crate) channel: i32,
}

/// What chooses scenarios, for `test` and `plan`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Choice {
    /// Run this scenario (repeatable, globs)
    #[arg(long, value_name = "NAME", env = "SEALCHECK_SCENARIO", value_delimiter = ',')]
    pub(crate) scenario: Vec<String>,
    /// Leave this scenario out (repeatable, globs)
    #[arg(long, value_name = "NAME", env = "SEALCHECK_SKIP", value_delimiter = ',')]
    pub(crate) skip: Vec<String>,
    /// Which suite to run [default: core]
    #[arg(long, value_name = "SUITE", env = "SEALCHECK_SUITE")]
    pub(crate) suite: Option<String>,
    /// Scenario files of your own beside the built-in ones
    #[arg(long, value_name = "DIR", env = "SEALCHECK_SCENARIOS_DIR")]
    pub(crate) scenarios_dir: Option<PathBuf>,
    /// How often each scenario runs [default: 1]
    #[arg(long, value_name = "N", env = "SEALCHECK_REPEAT", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_REPETITIONS)))]
    pub(crate) repeat: Option<u32>,
}

/// What decides which project is meant and what surrounds it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Surroundings {
    /// node and npm to use, as `node@20,npm@10`; lists as in `npm@8,10,11,12`, and repetitions, make a matrix
    #[arg(long, value_name = "VERSIONS", env = "SEALCHECK_TOOLCHAIN")]
    pub(crate) toolchain: Vec<String>,
    /// Where the sandboxes are made
    #[arg(long, value_enum, env = "SEALCHECK_BACKEND")]
    pub(crate) backend: Option<Backend>,
    /// Run in containers of this image, as CI does, with its node and npm (repeatable)
    #[arg(long, value_name = "IMAGE", env = "SEALCHECK_IMAGE", value_delimiter = ',')]
    pub(crate) image: Vec<String>,
    /// A policy file outside the project
    #[arg(long, value_name = "FILE", env = "SEALCHECK_POLICY")]
    pub(crate) policy: Option<PathBuf>,
    /// Keep what the registries answered in this folder
    #[arg(long, value_name = "DIR", env = "SEALCHECK_STORE")]
    pub(crate) store: Option<PathBuf>,
    /// Take the registries' answers from the store alone
    #[arg(long, env = "SEALCHECK_OFFLINE", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) offline: bool,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TestArguments {
    /// The folders of the projects, or globs of them as in 'packages/*' [default: .]
    pub(crate) project: Vec<PathBuf>,
    /// Test the projects that this file names too: a folder or a glob on each line, relative to the file
    #[arg(long, value_name = "FILE", env = "SEALCHECK_PROJECTS")]
    pub(crate) projects: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) choice: Choice,
    #[command(flatten)]
    pub(crate) surroundings: Surroundings,
    #[command(flatten)]
    pub(crate) running: Running,
    #[command(flatten)]
    pub(crate) carrying: Carrying,
    /// Record what differs from `sealcheck.lock.json` there, where nothing forbids it
    #[arg(long, env = "SEALCHECK_UPDATE", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) update: bool,
    /// Run one of N equal parts of the test, as `2/3`; `merge` makes one report of all
    #[arg(long, value_name = "K/N", env = "SEALCHECK_SHARD", conflicts_with = "update")]
    pub(crate) shard: Option<String>,
}

/// What of an earlier test may stand for a project that is as it was.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Carrying {
    /// Take over from this saved report each project whose inputs are all unchanged, marked with its date
    #[arg(long, value_name = "FILE", env = "SEALCHECK_CARRY_OVER", requires = "carry_over_age")]
    pub(crate) carry_over: Option<PathBuf>,
    /// How long ago that test may be, as `7d` or `20h`
    #[arg(long, value_name = "DURATION", env = "SEALCHECK_CARRY_OVER_AGE")]
    pub(crate) carry_over_age: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct AcceptArguments {
    /// The project's folder
    #[arg(default_value = ".")]
    pub(crate) project: PathBuf,
    #[command(flatten)]
    pub(crate) choice: Choice,
    #[command(flatten)]
    pub(crate) surroundings: Surroundings,
    #[command(flatten)]
    pub(crate) running: Running,
}

/// How runs go and what becomes of them, for `test` and `accept`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Running {
    /// How many losses must fail together at least before it may leak [default: 2]
    #[arg(long, value_name = "N", env = "SEALCHECK_REQUIRE_MARGIN")]
    pub(crate) require_margin: Option<u32>,
    /// How large the store may be after the test, as `2GB`: what was not used for longest is removed [default: 20GiB]
    #[arg(long, value_name = "SIZE", env = "SEALCHECK_STORE_LIMIT")]
    pub(crate) store_limit: Option<String>,
    /// How many runs go side by side [default: the cores]
    #[arg(long, value_name = "N", env = "SEALCHECK_JOBS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_JOBS)))]
    pub(crate) jobs: Option<u32>,
    /// Where sandboxes write
    #[arg(long, value_enum, env = "SEALCHECK_SCRATCH")]
    pub(crate) scratch: Option<ScratchChoice>,
    /// The longest that one run may take, as `10m` or `90s` [default: 15m]
    #[arg(long, value_name = "DURATION", env = "SEALCHECK_TIMEOUT")]
    pub(crate) timeout: Option<String>,
    /// Write a report, as `json=PATH` or in another of the formats of `report`; `-` is standard output (repeatable)
    #[arg(long, value_name = "FORMAT=PATH", env = "SEALCHECK_REPORT", value_delimiter = ',')]
    pub(crate) report: Vec<String>,
    /// The severity from which findings fail the run [default: error]
    #[arg(long, value_enum, env = "SEALCHECK_FAIL_ON")]
    pub(crate) fail_on: Option<FailOn>,
    /// How progress is shown
    #[arg(long, value_enum, env = "SEALCHECK_PROGRESS")]
    pub(crate) progress: Option<ProgressChoice>,
    /// Leave the processes untraced (for measuring what tracing costs)
    #[arg(long, hide = true)]
    pub(crate) no_trace: bool,
    /// Leave the files of lifecycle scripts unwatched (for measuring what watching costs)
    #[arg(long, hide = true)]
    pub(crate) no_watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// The project's folder
    #[arg(default_value = ".")]
    pub(crate) project: PathBuf,
    #[command(flatten)]
    pub(crate) choice: Choice,
    #[command(flatten)]
    pub(crate) surroundings: Surroundings,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The project's folder
    #[arg(default_value = ".")]
    pub(crate) project: PathBuf,
    #[command(flatten)]
    pub(crate) surroundings: Surroundings,
    /// Add to `sealcheck.toml` what would settle undecided packages
    #[arg(long)]
    pub(crate) write: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// Two saved reports, a report and an accepted baseline, or two captured environments
    #[arg(value_name = "FILE", num_args = 0..=2)]
    pub(crate) sides: Vec<PathBuf>,
    /// Compare the lockfile of two git revisions, as `main..HEAD`, or two lockfiles
    #[arg(long, value_name = "REV1..REV2", num_args = 1..=2, conflicts_with = "sides")]
    pub(crate) lockfile: Vec<String>,
    /// The project's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) project: PathBuf,
    /// Installs that may be made to find the causes of differences between environments [default: enough for most]
    #[arg(long, value_name = "N", env = "SEALCHECK_RUNS")]
    pub(crate) runs: Option<usize>,
    /// Compare this working folder with a clean place: a fresh clone, scripts off, another cache, none of your own configuration
    #[arg(long, conflicts_with_all = ["sides", "lockfile"])]
    pub(crate) clean: bool,
    /// With `--clean`: run this script of the project behind the install, with scripts on and off
    #[arg(long, value_name = "SCRIPT", requires = "clean")]
    pub(crate) then: Option<String>,
    /// Read the lockfiles only, and install neither
    #[arg(long, requires = "lockfile")]
    pub(crate) no_install: bool,
    /// How the differences are printed
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: CompareFormat,
    #[command(flatten)]
    pub(crate) surroundings: Surroundings,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// A report that `test --report json=PATH` wrote
    pub(crate) file: PathBuf,
    /// Of a report of several projects, this one alone, by its folder as it stands there
    #[arg(long, value_name = "PATH")]
    pub(crate) project: Option<String>,
    /// The format
    #[arg(long, value_enum, default_value = "terminal")]
    pub(crate) format: ReportFormat,
    /// Write to this file and not to standard output
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// In `sarif`: the folder of the repository in which the project lies
    #[arg(long, value_name = "DIR")]
    pub(crate) below: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct MergeArguments {
    /// The reports that each `test --shard K/N --report json=PATH` wrote, in any order
    #[arg(required = true)]
    pub(crate) file: Vec<PathBuf>,
    /// Write the merged report, as `json=PATH` or in another of the formats of `report`; `-` is standard output (repeatable)
    #[arg(long, value_name = "FORMAT=PATH", env = "SEALCHECK_REPORT", value_delimiter = ',')]
    pub(crate) report: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The command that it is of, `scenarios list`; without one, the program
    pub(crate) command: Vec<String>,
    /// Write the pages of all commands into this folder and print none
    #[arg(short, long, value_name = "FOLDER", conflicts_with = "command")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CaptureArguments {
    /// The project's folder
    #[arg(default_value = ".")]
    pub(crate) project: PathBuf,
    /// Take this variable in too (repeatable); npm's, those of CI systems and proxies, and what npmrc files name are taken in anyway
    #[arg(long, value_name = "NAME")]
    pub(crate) variable: Vec<String>,
    /// Write to this file and not to standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A policy file outside the project
    #[arg(long, value_name = "FILE", env = "SEALCHECK_POLICY")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompareFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScenariosCommand {
    /// All scenarios, one a line
    List {
        /// Scenario files of your own beside the built-in ones
        #[arg(long, value_name = "DIR")]
        scenarios_dir: Option<PathBuf>,
    },
    /// One scenario as TOML
    Show {
        /// Its name
        name: String,
    },
    /// The JSON Schema of a scenario file
    Schema,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DrillsCommand {
    /// All drills, one a line
    List,
    /// One drill with its sources
    Show {
        /// Its name
        name: String,
    },
    /// Run every drill where no control stops it, and print how many attacks are detected
    /// and how much else is called one
    Rates(RatesArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RatesArguments {
    #[command(flatten)]
    pub(crate) surroundings: Surroundings,
    /// Only this drill (repeatable, globs)
    #[arg(long, value_name = "NAME")]
    pub(crate) drill: Vec<String>,
    /// How many runs go side by side [default: the cores]
    #[arg(long, value_name = "N", env = "SEALCHECK_JOBS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_JOBS)))]
    pub(crate) jobs: Option<u32>,
    /// Print the scores and the rates as JSON, with the evidence of each run
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// The project whose registries are tried
    pub(crate) project: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CleanArguments {
    /// Remove the cached toolchains too
    #[arg(long)]
    pub(crate) toolchains: bool,
    /// Remove this store too
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Remove the volumes that hold sealcheck at container engines too
    #[arg(long)]
    pub(crate) volumes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// Whatever works here
    Auto,
    /// Linux namespaces, no daemon and no root needed
    Namespaces,
    /// Containers of an engine: Docker or Podman
    Container,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScratchChoice {
    /// Memory where there is enough, else disk
    Auto,
    /// A tmpfs of each sandbox's own
    Memory,
    /// The cache folder
    Disk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Error,
    Warning,
    Note,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressChoice {
    Auto,
    Bar,
    Plain,
    None,
}
