//! `sealcheck clean`.

use super::arguments::CleanArguments;
use super::{Code, folders, print};
use crate::sandbox::namespaces::sweep;
use crate::text::Complaint;
use std::fmt::Write;

/// Removes scratch folders whose owner is dead and, on request, toolchains and a store.
pub(crate) fn run(arguments: CleanArguments) -> anyhow::Result<Code> {
    let mut out = String::new();
    for removed in sweep(&folders::scratch())? {
        let _ = writeln!(out, "removed {}", removed.display());
    }
    if arguments.toolchains {
        let folder = folders::toolchains();
        if folder.is_dir() {
            std::fs::remove_dir_all(&folder)?;
            let _ = writeln!(out, "removed {}", folder.display());
        }
    }
    if let Some(store) = arguments.store {
        // Whoever mistypes the folder must not lose another one.
        if !store.join("content").is_dir() {
            return Err(Complaint::about(format!("`{}` is no store of sealcheck's", store.display()))
                .help("a store is a folder that `test --store` wrote; it has a folder `content`")
                .into());
        }
        std::fs::remove_dir_all(&store)?;
        let _ = writeln!(out, "removed {}", store.display());
    }
    if out.is_empty() {
        out.push_str("nothing was left behind\n");
    }
    print(&out)?;
    Ok(Code::Good)
}
