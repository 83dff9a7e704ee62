//! `sealcheck clean`: on this machine, and at the container engines that answer.

use super::arguments::CleanArguments;
use super::test::with_causes;
use super::{Code, containers, folders, load, print, say};
use crate::sandbox::container::owner;
use crate::sandbox::namespaces::sweep;
use crate::text::Complaint;
use std::fmt::Write;

/// Removes scratch folders and containers whose owner is dead and, on request,
/// toolchains with what they answered, a store and volumes.
pub(crate) fn run(arguments: CleanArguments) -> anyhow::Result<Code> {
    let mut out = String::new();
    for removed in sweep(&folders::scratch())? {
        let _ = writeln!(out, "removed {}", removed.display());
    }
    load::runtime()?.block_on(engines(&mut out, arguments.volumes));
    if arguments.toolchains {
        for folder in [folders::toolchains(), folders::answers()] {
            if folder.is_dir() {
                std::fs::remove_dir_all(&folder)?;
                let _ = writeln!(out, "removed {}", folder.display());
            }
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

/// Removes what is ours at every engine that answers. That one does not is said
/// only where the user named it.
async fn engines(out: &mut String, volumes: bool) {
    let env = load::environment();
    let named = crate::sandbox::container::named(&env, folders::home().as_deref()).is_some();
    for found in containers::engines(&env).await {
        let engine = match found {
            Ok(engine) => engine,
            Err(error) => {
                if named {
                    say(&format!("nothing was removed there: {}", with_causes(&error)));
                }
                continue;
            }
        };
        match engine.sweep(volumes, owner::is_alive).await {
            Ok(swept) => {
                for removed in swept.removed {
                    let _ = writeln!(out, "removed {removed} at {}", engine.at);
                }
                for kept in swept.kept {
                    say(&format!("{kept} at {} is in use and stays", engine.at));
                }
            }
            Err(error) => say(&format!("what is left there stays: {}", with_causes(&error))),
        }
    }
}
