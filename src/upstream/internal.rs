//! Addresses that are not on the Internet: this machine, its network, a cloud's metadata. A file
//! of the tested project may not have anything asked of them.
//!
//! It must not know who may ask all the same; each request says so.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::{Host, Url};

/// A name that leads to such an address, or the address itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is an internal address")]
pub(super) struct Internal {
    /// The first that was found.
    pub(super) address: IpAddr,
}

impl Internal {
    /// In an error of the client's, at any depth.
    pub(super) fn within(error: &reqwest::Error) -> Option<Self> {
        let mut at: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = at {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found.clone());
            }
            at = error.source();
        }
        None
    }

    /// Where a URL names an address instead of a host: no resolver is asked about that.
    pub(super) fn literal(url: &Url) -> Option<Self> {
        let address = match url.host()? {
            Host::Domain(_) => return None,
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
        };
        is_internal(address).then_some(Self { address })
    }
}

/// Resolves names as the system does, and leaves internal addresses out: each time that a
/// connection is made, so that no second answer leads elsewhere.
#[derive(Debug)]
pub(super) struct Guarded {
    /// Names of proxies that the caller's own configuration sets.
    pub(super) proxies: BTreeSet<String>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let anywhere = self.proxies.contains(&host);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            Ok(outside(found, anywhere)?)
        })
    }
}

fn outside(found: Vec<SocketAddr>, anywhere: bool) -> Result<Addrs, Internal> {
    let (inside, outside): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|address| !anywhere && is_internal(address.ip()));
    match (outside.is_empty(), inside.first()) {
        (true, Some(first)) => Err(Internal { address: first.ip() }),
        (true, None) | (false, _) => Ok(Box::new(outside.into_iter())),
    }
}

/// Whether an address is of this machine, of a network that is not the Internet, or of nobody
/// (the special-purpose registries of IANA, RFC 6890).
pub(super) fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_internal_four(address),
        IpAddr::V6(address) => is_internal_six(address),
    }
}

fn is_internal_four(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    address.is_loopback()
        || address.is_private()
        // A cloud's metadata is at 169.254.169.254.
        || address.is_link_local()
        || address.is_multicast()
        || first == 0
        // Shared with a carrier's customers (RFC 6598); some clouds' metadata.
        || (first == 100 && second & 0xc0 == 64)
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && second & 0xfe == 18)
        || first >= 240
}

fn is_internal_six(address: Ipv6Addr) -> bool {
    let words = address.segments();
    let four = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_internal_four(Ipv4Addr::new(a, b, c, d))
    };
    match words {
        // Unspecified, loopback, and the forms that hold an IPv4 address: mapped, compatible,
        // translated (RFC 6052), 6to4.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => four(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => four(high, low),
        [0x64, 0xff9b, 1, ..] => true,
        [0x2002, high, low, ..] => four(high, low),
        [first, ..] => {
            // Unique local, link local, the old site local, multicast.
            first & 0xfe00 == 0xfc00
                || first & 0xffc0 == 0xfe80
                || first & 0xffc0 == 0xfec0
                || first >= 0xff00
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_internet_is_internal() {
        for text in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(is_internal(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "9.9.9.9",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::",
        ] {
            assert!(!is_internal(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn of_several_addresses_only_those_outside_are_asked() {
        let at = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let mixed = outside(vec![at("10.0.0.1"), at("1.1.1.1")], false).unwrap();
        assert_eq!(mixed.collect::<Vec<_>>(), [at("1.1.1.1")]);
        let none = outside(vec![at("10.0.0.1"), at("::1")], false).err().unwrap();
        assert_eq!(none.to_string(), "10.0.0.1 is an internal address");
        assert_eq!(outside(vec![at("10.0.0.1")], true).unwrap().count(), 1);
        assert_eq!(outside(Vec::new(), false).unwrap().count(), 0);
    }

    #[test]
    fn an_address_in_a_url_is_looked_at_in_every_form() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1:8080/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://169.254.169.254/latest/meta-data/",
        ] {
            assert!(Internal::literal(&Url::parse(url).unwrap()).is_some(), "{url}");
        }
        for url in ["http://1.1.1.1/", "http://localhost/", "https://host.example/"] {
            assert!(Internal::literal(&Url::parse(url).unwrap()).is_none(), "{url}");
        }
    }
}
