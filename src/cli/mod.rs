//! What the user may say and what we answer: arguments in, exit codes out.
//!
//! Each command is a file. They print results to standard output, all else to
//! standard error, and decide nothing about installs themselves.

mod accept;
mod arguments;
mod assemble;
mod authorization;
mod baseline;
mod behind;
mod capture;
mod carry;
mod catalogue;
mod clean;
mod compare;
mod complaint;
mod containers;
mod doctor;
mod drills;
mod explain;
mod folders;
mod inputs;
mod inspect;
mod invoke;
mod lacks;
mod load;
mod look;
mod man;
mod margin;
mod mend;
mod merge;
mod options;
mod plan;
mod pool;
mod projects;
mod reach;
mod report;
mod rooms;
mod save;
mod saved;
mod shard;
mod signals;
mod signatures;
mod test;
mod together;
mod tools;
mod trim;
mod unasked;
mod undecided;

use crate::report::progress;
use crate::report::terminal::inert;
use crate::text::Complaint;
use arguments::{Arguments, Color, Command, InsideCommand, Talk};
use clap::{CommandFactory, Parser};
use std::io::Write;

/// Exit codes, section 4 of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// Sealed, or the command did what it was asked.
    Good,
    /// Leaked, exposed, broken, or findings at or above the threshold.
    Bad,
    /// The command or a file of the user's is wrong; nothing was run.
    Usage,
    /// Something could not be observed.
    Unobserved,
    /// A fault of our own.
    Fault,
    /// Interrupted.
    Interrupted,
}

impl Code {
    fn number(self) -> i32 {
        match self {
            Self::Good => 0,
            Self::Bad => 1,
            Self::Usage => 2,
            Self::Unobserved => 3,
            Self::Fault => 70,
            Self::Interrupted => 130,
        }
    }
}

/// The whole program: reads the process's arguments, returns its exit code.
pub fn main() -> i32 {
    // The insides of a sandbox: no logging, no colour, nothing of ours.
    if std::env::args_os().nth(1).is_some_and(|word| word.as_encoded_bytes().starts_with(b"__"))
        && let Ok(inside) = InsideCommand::try_parse()
    {
        return match inside {
            InsideCommand::Stage(inside) => crate::sandbox::namespaces::stage_main(inside.channel),
            InsideCommand::Witness(inside) => crate::witness::main_by_number(inside.channel),
            InsideCommand::Inmate => inmate(),
            InsideCommand::Look => look::run(),
            InsideCommand::Settle => match crate::sandbox::container::settle() {
                Ok(said) => look::say(said),
                Err(_) => 1,
            },
        };
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Code::Usage.number() } else { Code::Good.number() };
        }
    };
    set_up(&arguments.talk);
    match run(arguments) {
        Ok(code) => code.number(),
        Err(error) => {
            let (text, code) = explain_error(&error);
            let _ = anstream::stderr().lock().write_all(inert(&text).as_bytes());
            code.number()
        }
    }
}

/// PID 1 of a container: makes the place, then is the witness.
fn inmate() -> i32 {
    let Ok(inmate) = crate::sandbox::container::Inmate::enter() else { return 1 };
    let (channel, carrier) = inmate.take();
    let code = crate::witness::main(channel);
    carrier.leave();
    code
}

fn run(arguments: Arguments) -> anyhow::Result<Code> {
    match arguments.command {
        Command::Test(test) => test::run(test, &arguments.talk),
        Command::Accept(accept) => accept::run(accept, &arguments.talk),
        Command::Capture(capture) => capture::run(capture),
        Command::Plan(plan) => plan::run(plan),
        Command::Inspect(inspect) => inspect::run(inspect),
        Command::Compare(compare) => compare::run(compare, &arguments.talk),
        Command::Report(report) => report::run(&report, &arguments.talk),
        Command::Merge(merge) => merge::run(&merge, &arguments.talk),
        Command::Scenarios(scenarios) => catalogue::run(scenarios),
        Command::Drills(drills) => drills::run(drills, &arguments.talk),
        Command::Explain { rule } => explain::run(rule.as_deref()),
        Command::Doctor(doctor) => doctor::run(doctor),
        Command::Clean(clean) => clean::run(clean),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "sealcheck", &mut out);
            print(&String::from_utf8_lossy(&out))?;
            Ok(Code::Good)
        }
        Command::Man(man) => man::run(&man),
    }
}

/// Writes a result to standard output, to the byte: what is for people alone was made
/// [`inert`] before. A reader that closed the pipe is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    print_by(|out| out.write_all(text.as_bytes()))
}

/// The same of a result that is written as it is made.
fn print_by(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a message to standard error.
pub(crate) fn say(text: &str) {
    progress::aside(|| {
        let _ = writeln!(anstream::stderr().lock(), "{}", inert(text));
    });
}

/// Where the log of the program goes, a whole message at a time.
struct Log;

impl Write for Log {
    fn write(&mut self, message: &[u8]) -> std::io::Result<usize> {
        let text = inert(&String::from_utf8_lossy(message));
        progress::aside(|| std::io::stderr().write_all(text.as_bytes()))?;
        Ok(message.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn set_up(talk: &Talk) {
    let choice = match talk.color.unwrap_or(Color::Auto) {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
    let level = match (talk.quiet, talk.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "sealcheck=info",
        (false, 2) => "sealcheck=debug",
        (false, _) => "sealcheck=trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("SEALCHECK_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Log).with_ansi(false).try_init();
}

/// What is wrong with what the user wrote is shown with its line and exits with
/// 2, what the machine lacks with 3; everything else is a fault of ours.
fn explain_error(error: &anyhow::Error) -> (String, Code) {
    if let Some(complaint) = error.downcast_ref::<Complaint>() {
        return (complaint::render(complaint), Code::Usage);
    }
    if let Some(lacks::Lacking(complaint)) = error.downcast_ref() {
        return (complaint::render(complaint), Code::Unobserved);
    }
    let mut text = format!("error: {error}\n");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("  caused by: {cause}\n"));
    }
    let unserved = matches!(error.downcast_ref(), Some(crate::upstream::UpstreamError::Folder { .. }));
    let code = if unserved || error.downcast_ref::<crate::toolchain::ToolchainError>().is_some() {
        Code::Usage
    } else {
        text.push_str("this is a fault of sealcheck or of the machine, not of the project\n");
        Code::Fault
    };
    (text, code)
}
