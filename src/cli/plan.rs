//! `sealcheck plan`.

use super::arguments::PlanArguments;
use super::{Code, load, print};

/// Prints what `test` would run.
pub(crate) fn run(arguments: PlanArguments) -> anyhow::Result<Code> {
    let runtime = load::runtime()?;
    let loaded = runtime.block_on(load::load(&arguments.project, arguments.surroundings))?;
    let mut choice = arguments.choice;
    super::options::layer_choice(&mut choice, &loaded.project.settings.options, &loaded.project.root)?;
    let (plan, _) = load::plan(&loaded, &choice)?;
    print(&crate::plan::print::text(&plan))?;
    Ok(Code::Good)
}
