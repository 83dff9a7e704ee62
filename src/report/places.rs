//! Where runs took place, told apart in as few words as will do: by npm where only
//! npm differs, by image where only that does.

use super::model::{Run, Toolchain};
use std::collections::BTreeSet;

/// A toolchain, in an image or in none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// node's version.
    pub node: String,
    /// npm's version.
    pub npm: String,
    /// The image, by name and digest.
    pub image: Option<String>,
}

impl Place {
    /// A place of its parts.
    pub fn new(toolchain: &Toolchain, image: Option<&str>) -> Self {
        Self { node: toolchain.node.clone(), npm: toolchain.npm.clone(), image: image.map(str::to_owned) }
    }

    /// Where a run took place.
    pub fn of(run: &Run) -> Self {
        Self::new(&run.toolchain, run.image.as_deref())
    }
}

/// What tells a place from all the others: `npm 10.9.9`; empty where there is one only.
pub fn label(all: &BTreeSet<Place>, place: &Place) -> String {
    let chosen = (0..16).find(|parts| {
        let said: BTreeSet<String> = all.iter().map(|one| said(one, *parts)).collect();
        said.len() == all.len()
    });
    said(place, chosen.unwrap_or(15))
}

/// The parts of a place that a mask chooses: 1 is npm, 2 the image's name, 4 node, 8 the
/// image with its digest.
fn said(place: &Place, parts: u8) -> String {
    let mut words = Vec::new();
    if parts & 4 != 0 {
        words.push(format!("node {}", place.node));
    }
    if parts & 1 != 0 {
        words.push(format!("npm {}", place.npm));
    }
    let image = place.image.as_deref().unwrap_or("no image");
    if parts & 8 != 0 {
        words.push(image.to_owned());
    } else if parts & 2 != 0 {
        words.push(image.split('@').next().unwrap_or(image).to_owned());
    }
    words.join(", ")
}

/// The label as a part of a run's id: `npm-10.9.9`.
pub fn slug(label: &str) -> String {
    let mut out = String::new();
    for letter in label.chars() {
        let kept = if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
        if kept != '-' || !out.ends_with('-') {
            out.push(kept);
        }
    }
    out.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(node: &str, npm: &str, image: Option<&str>) -> Place {
        let because = String::new();
        Place::new(&Toolchain { node: node.to_owned(), npm: npm.to_owned(), because }, image)
    }

    #[test]
    fn only_what_differs_is_said() {
        let labels = |places: &[Place]| -> Vec<String> {
            let all: BTreeSet<Place> = places.iter().cloned().collect();
            places.iter().map(|one| label(&all, one)).collect()
        };
        let (old, new) = (place("20.1.0", "10.9.9", None), place("20.1.0", "11.0.0", None));
        assert_eq!(labels(std::slice::from_ref(&old)), [""]);
        assert_eq!(labels(&[old.clone(), new]), ["npm 10.9.9", "npm 11.0.0"]);
        assert_eq!(
            labels(&[old.clone(), place("22.0.0", "10.9.9", Some("ci/node:22@sha256:aa"))]),
            ["no image", "ci/node:22"]
        );
        assert_eq!(
            labels(&[old, place("22.0.0", "10.9.9", None), place("22.0.0", "11.0.0", None)]),
            ["node 20.1.0, npm 10.9.9", "node 22.0.0, npm 10.9.9", "node 22.0.0, npm 11.0.0"]
        );
        let digest = |digest: &str| place("22.0.0", "10.9.9", Some(&format!("ci/node@{digest}")));
        assert_eq!(
            labels(&[digest("sha256:aa"), digest("sha256:bb")]),
            ["ci/node@sha256:aa", "ci/node@sha256:bb"]
        );
        assert_eq!(slug("node 22.0.0, ci/node:22"), "node-22.0.0-ci-node-22");
    }
}
