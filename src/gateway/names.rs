//! Which loopback address stands for which name.
//!
//! Each name has its own, in order of first appearance, so that a connection
//! tells which name was meant. Names beyond the last have none: no two share one,
//! since then a request could say for which it is. Pure data: no socket here.

use crate::door::BLACK_HOLE;
use crate::plan::World;
use crate::scenario::Answer;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

/// The last byte of the first door, 127.0.0.2.
const FIRST: u8 = 2;
/// The last byte of the last door, 127.0.0.65.
const LAST: u8 = 65;

/// What a name is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// An address with doors.
    Door(Ipv4Addr),
    /// An address where nobody listens.
    Nobody(Ipv4Addr),
    /// It does not exist.
    NxDomain,
    /// Who knows the answer fails.
    ServFail,
    /// There is no answer.
    Unanswered,
    /// Every address is another name's.
    NoneLeft,
}

/// Names and their addresses.
#[derive(Debug)]
pub(super) struct Names {
    faults: BTreeMap<String, Answer>,
    doors: Mutex<Doors>,
}

#[derive(Debug, Default)]
struct Doors {
    by_name: BTreeMap<String, u8>,
    by_door: Vec<String>,
}

impl Names {
    /// The names a world knows, and `more` (proxies), have their doors from the beginning.
    pub(super) fn new<'a>(world: &'a World, more: impl IntoIterator<Item = &'a str>) -> Self {
        let mut faults = BTreeMap::new();
        let mut known: BTreeSet<&str> = more.into_iter().collect();
        known.extend(world.hosts.iter().map(String::as_str));
        let others = world.registries.iter().flat_map(|registry| {
            std::iter::once(&registry.url).chain(&registry.also).map(|url| (url.host(), registry.answer))
        });
        for (host, answer) in std::iter::once((world.public.host(), world.public_answer)).chain(others) {
            known.insert(host);
            if answer.below_http() {
                faults.insert(host.to_owned(), answer);
            }
        }
        let names = Self { faults, doors: Mutex::default() };
        for host in known {
            names.find(host);
        }
        names
    }

    /// The address of a name, given lower case and without the final dot.
    pub(super) fn find(&self, name: &str) -> Found {
        let fault = self.faults.get(name).copied();
        let unnamed = [
            (Answer::NxDomain, Found::NxDomain),
            (Answer::ServFail, Found::ServFail),
            (Answer::LookupUnanswered, Found::Unanswered),
        ];
        if let Some((_, found)) = unnamed.into_iter().find(|(answer, _)| fault == Some(*answer)) {
            return found;
        }
        // RFC 6761: no resolver ever sends these elsewhere. Whether a door is there
        // on a port is the sandbox's affair.
        if name == "localhost" || name.ends_with(".localhost") {
            return Found::Door(Ipv4Addr::LOCALHOST);
        }
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        let door = match doors.by_name.get(name) {
            Some(door) => *door,
            None => {
                let next = u8::try_from(doors.by_door.len()).ok().map(|taken| FIRST.saturating_add(taken));
                let Some(door) = next.filter(|door| *door <= LAST) else { return Found::NoneLeft };
                doors.by_name.insert(name.to_owned(), door);
                doors.by_door.push(name.to_owned());
                door
            }
        };
        match fault {
            Some(Answer::BlackHole) => Found::Nobody(BLACK_HOLE),
            Some(answer) if answer.nobody_there() => Found::Nobody(Ipv4Addr::new(127, 0, 1, door)),
            Some(_) | None => Found::Door(Ipv4Addr::new(127, 0, 0, door)),
        }
    }

    /// The fault below HTTP that is played at a host.
    pub(super) fn fault(&self, host: &str) -> Option<Answer> {
        self.faults.get(host).copied()
    }

    /// The one name whose door this is; `None` for one of nobody's.
    pub(super) fn meant(&self, door: Ipv4Addr) -> Option<String> {
        let [127, 0, 0, last] = door.octets() else { return None };
        let at = usize::from(last.checked_sub(FIRST)?);
        self.doors.lock().unwrap_or_else(PoisonError::into_inner).by_door.get(at).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::worlds::world;
    use super::*;

    #[test]
    fn each_name_has_its_door_until_there_are_none() {
        let names = Names::new(&world(), ["proxy.example"]);
        let Found::Door(public) = names.find("registry.example") else { panic!("no door") };
        assert_eq!(names.meant(public).as_deref(), Some("registry.example"));
        for at in 0..100 {
            names.find(&format!("host{at}.example"));
        }
        assert_eq!(names.find("late.example"), Found::NoneLeft);
        assert!(names.meant(Ipv4Addr::new(127, 0, 0, 65)).is_some_and(|name| name.starts_with("host")));
        assert_eq!(names.find("registry.example"), Found::Door(public));
        assert_eq!(names.meant(Ipv4Addr::LOCALHOST), None);
        assert_eq!(names.meant(Ipv4Addr::new(127, 0, 1, 3)), None);
    }

    #[test]
    fn a_fault_below_http_is_played_by_the_name() {
        let mut world = world();
        world.registries[0].answer = Answer::Refused;
        let names = Names::new(&world, []);
        let Found::Nobody(address) = names.find("npm.corp.example") else { panic!("somebody") };
        assert_eq!(address.octets()[..3], [127, 0, 1]);
        for (answer, found) in [
            (Answer::BlackHole, Found::Nobody(BLACK_HOLE)),
            (Answer::NxDomain, Found::NxDomain),
            (Answer::ServFail, Found::ServFail),
            (Answer::LookupUnanswered, Found::Unanswered),
        ] {
            world.registries[0].answer = answer;
            assert_eq!(Names::new(&world, []).find("npm.corp.example"), found);
        }
        for answer in [Answer::ConnectionReset, Answer::CertificateExpired, Answer::Unavailable] {
            world.registries[0].answer = answer;
            assert!(matches!(Names::new(&world, []).find("npm.corp.example"), Found::Door(_)), "{answer:?}");
        }
        let names = Names::new(&world, []);
        assert!(matches!(names.find("registry.example"), Found::Door(_)));
    }
}
