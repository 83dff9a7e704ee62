//! `sealcheck man`: manual pages, made from what the command line understands.

use super::arguments::{Arguments, ManArguments};
use super::{Code, print, save};
use crate::text::{Complaint, nearest};
use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;

/// Prints the page of a command, or writes those of all commands into a folder.
pub(crate) fn run(arguments: &ManArguments) -> anyhow::Result<Code> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    // Names of commands within commands are laid out here: `sealcheck-scenarios-list`.
    program.build();
    let Some(folder) = &arguments.output else {
        print(&roff(named(&program, &arguments.command)?)?)?;
        return Ok(Code::Good);
    };
    for command in all(&program) {
        let path = folder.join(Man::new(command.clone()).get_filename());
        save::write_whole(&path, &roff(command)?)
            .with_context(|| format!("`{}` could not be written", path.display()))?;
    }
    Ok(Code::Good)
}

fn roff(command: &Command) -> anyhow::Result<String> {
    let mut page = Vec::new();
    let version = concat!("sealcheck ", env!("CARGO_PKG_VERSION"));
    Man::new(command.clone()).source(version).manual("sealcheck").render(&mut page)?;
    Ok(String::from_utf8(page)?)
}

/// The command of that name, `scenarios list`; the program itself where there is none.
fn named<'a>(program: &'a Command, words: &[String]) -> Result<&'a Command, Complaint> {
    words.iter().try_fold(program, |command, word| {
        command.find_subcommand(word).ok_or_else(|| {
            let complaint = Complaint::about(format!("no command is named `{word}`"));
            match nearest(word, command.get_subcommands().map(Command::get_name)) {
                Some(near) => complaint.help(format!("did you mean `{near}`?")),
                None => complaint.help("`sealcheck help` lists them all"),
            }
        })
    })
}

/// A command and all that are within it.
fn all(command: &Command) -> Vec<&Command> {
    std::iter::once(command).chain(command.get_subcommands().flat_map(all)).collect()
}
