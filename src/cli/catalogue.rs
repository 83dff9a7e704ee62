//! `sealcheck scenarios`.

use super::arguments::ScenariosCommand;
use super::{Code, print};
use crate::scenario::{Scenario, catalogue};
use crate::text::{Complaint, nearest};
use std::path::Path;

/// Prints the catalogue, one scenario, or the schema.
pub(crate) fn run(command: ScenariosCommand) -> anyhow::Result<Code> {
    let text = match command {
        ScenariosCommand::List { scenarios_dir } => list(&all(scenarios_dir.as_deref())?),
        ScenariosCommand::Show { name } => show(&name)?,
        ScenariosCommand::Schema => format!("{:#}\n", catalogue::schema()),
    };
    print(&text)?;
    Ok(Code::Good)
}

/// The catalogue and the user's own scenarios after it.
pub(crate) fn all(own: Option<&Path>) -> Result<Vec<Scenario>, Complaint> {
    let mut all = catalogue::builtin().to_vec();
    if let Some(folder) = own {
        all.extend(catalogue::load_dir(folder).map_err(|error| error.complaint())?);
    }
    Ok(all)
}

fn list(all: &[Scenario]) -> String {
    let width = all.iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
    all.iter().map(|scenario| format!("{:width$}  {}\n", scenario.name, scenario.title)).collect()
}

fn show(name: &str) -> Result<String, Complaint> {
    catalogue::text(name).map(str::to_owned).ok_or_else(|| {
        let complaint = Complaint::about(format!("no scenario is named `{name}`"));
        match nearest(name, catalogue::builtin().iter().map(|scenario| scenario.name.as_str())) {
            Some(near) => complaint.help(format!("did you mean `{near}`?")),
            None => complaint.help("`sealcheck scenarios list` shows them all"),
        }
    })
}
