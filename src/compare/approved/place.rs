//! The name of a place, as a baseline has it: `node 20, npm 11, x64 glibc`.

use std::collections::BTreeSet;

/// A place in which scenarios ran.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// node's version.
    pub node: String,
    /// npm's version.
    pub npm: String,
    /// Processor and C library, `x64 glibc`; `None` where that was not written down.
    pub platform: Option<String>,
    /// The image, by name and digest.
    pub image: Option<String>,
}

impl Place {
    /// Its name on a platform: by majors, or `exact`.
    fn on(&self, platform: &str, exact: bool) -> String {
        let version = |version: &str| match exact {
            true => version.to_owned(),
            false => version.split('.').next().unwrap_or_default().to_owned(),
        };
        let image = self.image.as_deref().map(|image| match exact {
            true => format!(", {image}"),
            false => format!(", {}", image.split('@').next().unwrap_or_default()),
        });
        let (node, npm) = (version(&self.node), version(&self.npm));
        format!("node {node}, npm {npm}, {platform}{}", image.unwrap_or_default())
    }

    /// Its name, also where the platform is not known.
    pub fn name(&self, exact: bool) -> String {
        self.on(self.platform.as_deref().unwrap_or("an unknown platform"), exact)
    }

    /// The places of a baseline that it can be: at most one where its platform is known, else
    /// each that differs in nothing else.
    pub fn among<'a>(&self, known: &'a BTreeSet<String>, exact: bool) -> Vec<&'a str> {
        let is_it = |name: &&String| match &self.platform {
            Some(platform) => self.on(platform, exact) == **name,
            None => name.split(", ").nth(2).is_some_and(|platform| self.on(platform, exact) == **name),
        };
        known.iter().filter(is_it).map(String::as_str).collect()
    }
}

/// Which of the places of a test need exact names, since two would share the short one.
pub fn exact(places: &[Place]) -> Vec<bool> {
    let short: Vec<String> = places.iter().map(|place| place.name(false)).collect();
    short.iter().map(|name| short.iter().filter(|other| *other == name).count() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(node: &str, platform: Option<&str>, image: Option<&str>) -> Place {
        Place {
            node: node.to_owned(),
            npm: "11.0.0".to_owned(),
            platform: platform.map(str::to_owned),
            image: image.map(str::to_owned),
        }
    }

    #[test]
    fn majors_name_a_place_and_what_two_share_is_exact() {
        let image = Some("ci/node:20@sha256:aa");
        let places = [
            place("20.1.0", Some("x64 glibc"), None),
            place("20.2.0", Some("x64 glibc"), None),
            place("20.2.0", Some("x64 musl"), image),
        ];
        let exact = exact(&places);
        let names: Vec<String> = places.iter().zip(&exact).map(|(place, exact)| place.name(*exact)).collect();
        assert_eq!(
            names,
            [
                "node 20.1.0, npm 11.0.0, x64 glibc",
                "node 20.2.0, npm 11.0.0, x64 glibc",
                "node 20, npm 11, x64 musl, ci/node:20",
            ]
        );
    }

    #[test]
    fn a_place_of_an_unknown_platform_is_each_that_it_can_be() {
        let known =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        let (glibc, musl) = ("node 20, npm 11, x64 glibc", "node 20, npm 11, x64 musl");
        let all = known(&[
            glibc,
            musl,
            "node 20, npm 11, x64 glibc, ci/node:20",
            "node 22, npm 11, x64 glibc",
            "x",
        ]);
        assert_eq!(place("20.1.0", None, None).among(&all, false), [glibc, musl]);
        assert_eq!(place("20.1.0", Some("x64 musl"), None).among(&all, false), [musl]);
        assert_eq!(place("20.1.0", Some("arm64 glibc"), None).among(&all, false), [""; 0]);
        assert_eq!(place("22.1.0", None, None).among(&all, false), ["node 22, npm 11, x64 glibc"]);
        assert_eq!(place("22.1.0", None, None).among(&all, true), [""; 0]);
    }
}
