//! `sealcheck plan`.

use super::arguments::PlanArguments;
use super::load::{self, Loaded};
use super::pool::Pool;
use super::{Code, drills, inert, print, undecided};
use crate::report::places;
use std::collections::BTreeSet;

/// Prints what `test` would run, for each place.
pub(crate) fn run(arguments: PlanArguments) -> anyhow::Result<Code> {
    let runtime = load::runtime()?;
    let read =
        runtime.block_on(load::load_all(&arguments.project, arguments.surroundings, &Pool::default()))?;
    let known: BTreeSet<_> = read.places.iter().map(Loaded::place).collect();
    for (at, loaded) in read.places.iter().enumerate() {
        let mut choice = arguments.choice.clone();
        super::options::layer_choice(&mut choice, &loaded.project.settings.options, &loaded.project.root)?;
        if drills::wanted(&choice) {
            print(&drills::plan(&choice)?)?;
            continue;
        }
        let (plan, _) = load::plan(loaded, &choice)?;
        let label = places::label(&known, &loaded.place());
        let gap = if at > 0 { "\n" } else { "" };
        let head = if label.is_empty() { String::new() } else { format!("{gap}with {label}: ") };
        print(&inert(&format!("{head}{}", crate::plan::print::text(&plan))))?;
        let undecided = undecided::lines(&loaded.project);
        if !undecided.is_empty() {
            print(&inert(&format!(
                "\nundecided, so that what depends on it goes unobserved\n{undecided}  `sealcheck inspect --write` proposes the lines that settle it\n"
            )))?;
        }
    }
    for why in &read.impossible {
        print(&format!("\nnot possible: {why}\n"))?;
    }
    Ok(Code::Good)
}
