//! Sandboxes that are containers of an engine, in any image that has node.
//!
//! The engine gives a container no network; our executable comes in a volume
//! and is its PID 1, everything else travels over the one line that an attached
//! container has. So the engine may be anywhere. This module must not know what
//! the witness does with its order.
//!
//! ```text
//! host ──create, archive, attach──▶ engine ──▶ container: PID 1 = carrier + witness
//!   └──────yamux over stdin and stdout───────────▶┘
//! ```

mod carry;
mod create;
mod engine;
mod host;
mod image;
mod inside;
mod link;
pub mod owner;
mod proc;
mod unpack;
mod volume;

pub use engine::{Engine, EngineError, Swept, addresses, named};
pub use image::Image;
pub use inside::{Carrier, Inmate};
pub use volume::settle;

use std::path::PathBuf;

/// Who the processes inside are: nobody whom an image knows, so that no file of it
/// is theirs. In many images npm itself belongs to uid 1000, and a script that may
/// write npm acts as npm.
pub const INMATE_UID: u32 = 65_530;
const INMATE_GID: u32 = INMATE_UID;
/// Where the volume with our executable is mounted.
const VOLUME_AT: &str = "/.sealcheck";
/// Our executable in it.
const NAME: &str = "sealcheck";

/// The backend: an image at an engine. It holds no resources but a volume with
/// our executable, which stays for the next time.
#[derive(Debug, Clone)]
pub struct Containers {
    engine: Engine,
    image: Image,
    volume: String,
    /// Where a project is staged: below it the next start finds what an ended one left.
    scratch_root: PathBuf,
}

impl Containers {
    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The image.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// By what the image is known in a report: a registry's digest, else its id.
    pub fn digest(&self) -> String {
        let by_registry = self.image.digest.as_deref().and_then(|known| known.rsplit_once('@'));
        by_registry.map_or_else(|| self.image.id.clone(), |(_, digest)| digest.to_owned())
    }
}
