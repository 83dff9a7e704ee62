//! The volume with our executable: one for each engine and build, filled once.

use super::engine::{Engine, EngineError, LABEL};
use super::image::Image;
use super::{Containers, NAME, VOLUME_AT, create};
use bollard::models::VolumeCreateRequest;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

impl Containers {
    /// A backend with an image of an engine, and what our executable, run in it
    /// with `words`, says on its standard output: so that the first container
    /// also is the proof that it runs there. Projects are staged below `scratch_root`.
    ///
    /// # Errors
    /// The engine's, or that the image cannot run the executable.
    pub async fn open(
        engine: Engine,
        image: Image,
        executable: &Path,
        scratch_root: PathBuf,
        words: &[&str],
    ) -> Result<(Self, String), EngineError> {
        let bytes = read(executable)
            .map_err(|error| EngineError::None(format!("{}: {error}", executable.display())))?;
        let digest = crate::evidence::tree::hex(&Sha256::digest(&bytes));
        let volume = format!("sealcheck-{}", &digest[..16]);
        let known = engine.docker.inspect_volume(&volume).await.is_ok();
        let this = Self { engine, image, volume, scratch_root };
        let look = || create::body(&this.image, &this.volume, words, this.engine.cores);
        if known && let Ok(said) = this.ask(look(), None).await {
            return Ok((this, said));
        }
        // New, or left half full by one that was ended.
        this.fill(bytes).await?;
        let said = this.ask(look(), None).await?;
        Ok((this, said))
    }

    async fn fill(&self, executable: Vec<u8>) -> Result<(), EngineError> {
        let docker = &self.engine.docker;
        let labels = HashMap::from([(LABEL.to_owned(), super::owner::present())]);
        let request = VolumeCreateRequest {
            name: Some(self.volume.clone()),
            labels: Some(labels),
            ..Default::default()
        };
        let made = docker.create_volume(request).await;
        // Podman refuses one that another has made meanwhile.
        if let Err(error) = made
            && docker.inspect_volume(&self.volume).await.is_err()
        {
            return Err(self.engine.failed("makes no volume")(error));
        }
        // Others may fill it at the same time, or run what is there: each brings its
        // own file and then has it take the place of the last.
        let name = format!("new-{}-{:x}", super::owner::present(), jiff::Timestamp::now().as_nanosecond());
        let mut body = create::body(&self.image, &self.volume, &["__settle"], 0);
        body.entrypoint = Some(vec![format!("{VOLUME_AT}/{name}"), "__settle".to_owned()]);
        // The volume is root's, or that of the first who was shown it. Nothing but
        // our own executable runs here.
        body.user = Some("0:0".to_owned());
        if let Some(host) = &mut body.host_config {
            host.cap_add = Some(vec!["DAC_OVERRIDE".to_owned()]);
            if let Some(mount) = host.mounts.as_mut().and_then(|mounts| mounts.first_mut()) {
                mount.read_only = Some(false);
            }
        }
        let packed = pack(&name, &executable).map_err(|error| EngineError::None(error.to_string()))?;
        drop(executable);
        self.ask(body, Some((VOLUME_AT, packed))).await.map(drop)
    }
}

/// Our executable, of which only a statically linked one runs in every image.
fn read(executable: &Path) -> std::io::Result<Vec<u8>> {
    let bytes = std::fs::read(executable)?;
    if is_dynamic(&bytes) {
        return Err(std::io::Error::other(
            "it is not linked statically and would not run in other images; build it in its own repository, whose .cargo/config.toml asks for `target-feature=+crt-static`",
        ));
    }
    Ok(bytes)
}

/// Whether an ELF file of 64 bits names an interpreter: program header type 3, elf(5).
fn is_dynamic(bytes: &[u8]) -> bool {
    let word = |at: usize, length: usize| {
        let part = bytes.get(at..at.checked_add(length)?)?;
        Some(part.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)))
    };
    let (Some(table), Some(size), Some(count)) = (word(32, 8), word(54, 2), word(56, 2)) else { return true };
    (0..count).any(|at| word(table.saturating_add(at * size), 4).is_none_or(|kind| kind == 3))
}

/// In a container: has the running executable take its lasting place. What it
/// returns is to be printed.
///
/// # Errors
/// The file cannot be renamed.
pub fn settle() -> std::io::Result<&'static str> {
    let this = std::env::current_exe()?;
    std::fs::rename(&this, this.with_file_name(NAME))?;
    Ok("settled")
}

fn pack(name: &str, executable: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::with_capacity(executable.len() + 4096));
    let mut header = tar::Header::new_gnu();
    header.set_size(executable.len() as u64);
    header.set_mode(0o755);
    tar.append_data(&mut header, name, executable)?;
    tar.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executable_with_an_interpreter_is_told_from_one_without() {
        assert!(
            !is_dynamic(&std::fs::read("/proc/self/exe").unwrap()),
            "the tests are linked as the program is"
        );
        assert!(is_dynamic(b"\x7fELF"));
        let shell = std::fs::read("/bin/sh").unwrap();
        assert!(is_dynamic(&shell));
        assert!(read(Path::new("/bin/sh")).unwrap_err().to_string().contains("crt-static"));
    }
}
