//! How a registry answers: genuinely, or in one of the ways in which they fail.
//!
//! What a way means for a request is the gateway's affair. Here stands what
//! everybody else has to know of it: its name, its words for people, how deep
//! it goes, and whether anything can come from such a registry at all.

use serde::{Deserialize, Serialize};

/// How a registry answers.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// As it really does.
    #[default]
    Genuine,
    /// The connection is refused.
    Refused,
    /// Its address is a black hole: nobody answers to an attempt to connect.
    BlackHole,
    /// Its name does not exist.
    NxDomain,
    /// The resolver answers SERVFAIL for its name.
    ServFail,
    /// The resolver does not answer for its name.
    LookupUnanswered,
    /// The connection is accepted and reset.
    ConnectionReset,
    /// The request is taken and never answered.
    Unanswered,
    /// Its certificate is signed by nobody whom anybody trusts.
    CertificateUntrusted,
    /// Its certificate has expired.
    CertificateExpired,
    /// Its certificate is for another name.
    CertificateWrongName,
    /// 401 to everything.
    Unauthorized,
    /// 403 to everything.
    Forbidden,
    /// 404 to everything.
    NotFound,
    /// 410 to everything.
    Gone,
    /// 429 with `Retry-After` to everything.
    RateLimited,
    /// 500 to everything.
    ServerError,
    /// 503 to everything.
    Unavailable,
    /// A page to log in, with status 200, to everything.
    LoginPage,
    /// One required private tarball has other bytes; all else is genuine.
    Tampered,
    /// Private tarballs break off, and their `content-length` tells.
    Truncated,
    /// Private tarballs break off without a last chunk.
    TruncatedChunked,
    /// Private tarballs break off, and nothing in HTTP tells: the end of the connection is their end.
    TruncatedUnframed,
    /// The connection is reset in the middle of each private tarball.
    ResetInBody,
    /// Private tarballs arrive whole and very slowly.
    SlowDrip,
    /// Private packuments are `{}`.
    EmptyPackument,
    /// Private packuments lack every locked version.
    VersionMissing,
    /// Private packuments say that the tarballs lie with a stranger.
    TarballElsewhere,
    /// It is a virtual one: private packuments have a stranger's versions of the public
    /// registry beside the owner's, and it gives their tarballs too.
    MergesPublic,
    /// It is a virtual one and the private side behind it is gone: private packuments and
    /// tarballs are those of a stranger of the public registry.
    FallsThrough,
    /// Private tarballs are redirected to the public registry.
    RedirectPublic,
    /// Private tarballs are redirected to a stranger.
    RedirectStranger,
    /// Private tarballs are redirected to another port of the same host.
    RedirectPort,
    /// Private tarballs are redirected to the same host without TLS.
    RedirectHttp,
    /// Private tarballs are redirected to themselves.
    RedirectLoop,
}

/// What of an install a way of failing touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing.
    Nothing,
    /// Those requests whose exchange names the fault.
    Some,
    /// Whatever is fetched from there.
    All,
}

impl Answer {
    /// As scenario files and exchanges name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Genuine => "genuine",
            Self::Refused => "refused",
            Self::BlackHole => "black-hole",
            Self::NxDomain => "nx-domain",
            Self::ServFail => "serv-fail",
            Self::LookupUnanswered => "lookup-unanswered",
            Self::ConnectionReset => "connection-reset",
            Self::Unanswered => "unanswered",
            Self::CertificateUntrusted => "certificate-untrusted",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateWrongName => "certificate-wrong-name",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Gone => "gone",
            Self::RateLimited => "rate-limited",
            Self::ServerError => "server-error",
            Self::Unavailable => "unavailable",
            Self::LoginPage => "login-page",
            Self::Tampered => "tampered",
            Self::Truncated => "truncated",
            Self::TruncatedChunked => "truncated-chunked",
            Self::TruncatedUnframed => "truncated-unframed",
            Self::ResetInBody => "reset-in-body",
            Self::SlowDrip => "slow-drip",
            Self::EmptyPackument => "empty-packument",
            Self::VersionMissing => "version-missing",
            Self::TarballElsewhere => "tarball-elsewhere",
            Self::MergesPublic => "merges-public",
            Self::FallsThrough => "falls-through",
            Self::RedirectPublic => "redirect-public",
            Self::RedirectStranger => "redirect-stranger",
            Self::RedirectPort => "redirect-port",
            Self::RedirectHttp => "redirect-http",
            Self::RedirectLoop => "redirect-loop",
        }
    }

    /// What such a registry does, for people: "refuses connections".
    pub fn says(self) -> &'static str {
        match self {
            Self::Genuine => "answers",
            Self::Refused => "refuses connections",
            Self::BlackHole => "has an address where nobody answers",
            Self::NxDomain => "has no address",
            Self::ServFail => "has a name that the resolver fails on",
            Self::LookupUnanswered => "has a name that the resolver does not answer for",
            Self::ConnectionReset => "resets connections",
            Self::Unanswered => "never answers",
            Self::CertificateUntrusted => "has a certificate that nobody trusts",
            Self::CertificateExpired => "has an expired certificate",
            Self::CertificateWrongName => "has a certificate for another name",
            Self::Unauthorized => "answers 401",
            Self::Forbidden => "answers 403",
            Self::NotFound => "answers 404",
            Self::Gone => "answers 410",
            Self::RateLimited => "answers 429",
            Self::ServerError => "answers 500",
            Self::Unavailable => "answers 503",
            Self::LoginPage => "answers with a page to log in",
            Self::Tampered => "tampers with one tarball",
            Self::Truncated | Self::TruncatedChunked | Self::TruncatedUnframed => "cuts tarballs short",
            Self::ResetInBody => "resets connections in the middle of a tarball",
            Self::SlowDrip => "is very slow",
            Self::EmptyPackument => "gives empty packuments",
            Self::VersionMissing => "lacks the locked versions",
            Self::TarballElsewhere => "says that tarballs lie with a stranger",
            Self::MergesPublic => "merges public versions into private packuments",
            Self::FallsThrough => "answers for private names with the public registry's packages",
            Self::RedirectPublic => "redirects tarballs to the public registry",
            Self::RedirectStranger => "redirects tarballs to a stranger",
            Self::RedirectPort => "redirects tarballs to another port",
            Self::RedirectHttp => "redirects tarballs to plain http",
            Self::RedirectLoop => "redirects tarballs to themselves",
        }
    }

    /// It fails before there is a request, and so for the host, whichever
    /// registry of it was meant.
    pub fn below_http(self) -> bool {
        match self {
            Self::Refused
            | Self::BlackHole
            | Self::NxDomain
            | Self::ServFail
            | Self::LookupUnanswered
            | Self::ConnectionReset
            | Self::CertificateUntrusted
            | Self::CertificateExpired
            | Self::CertificateWrongName => true,
            Self::Genuine
            | Self::Unanswered
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::Gone
            | Self::RateLimited
            | Self::ServerError
            | Self::Unavailable
            | Self::LoginPage
            | Self::Tampered
            | Self::Truncated
            | Self::TruncatedChunked
            | Self::TruncatedUnframed
            | Self::ResetInBody
            | Self::SlowDrip
            | Self::EmptyPackument
            | Self::VersionMissing
            | Self::TarballElsewhere
            | Self::MergesPublic
            | Self::FallsThrough
            | Self::RedirectPublic
            | Self::RedirectStranger
            | Self::RedirectPort
            | Self::RedirectHttp
            | Self::RedirectLoop => false,
        }
    }

    /// Nobody listens there, or the name leads nowhere.
    pub fn nobody_there(self) -> bool {
        self.below_http() && !self.accepts()
    }

    /// It fails below HTTP, on a connection that was made.
    fn accepts(self) -> bool {
        self == Self::ConnectionReset || self.impostor() || self == Self::CertificateExpired
    }

    /// Whoever presents such a certificate may be anybody, and is answered for as
    /// a stranger would: should npm go on, the bytes are not the genuine ones.
    pub fn impostor(self) -> bool {
        self == Self::CertificateUntrusted || self == Self::CertificateWrongName
    }

    /// A stranger's host takes part.
    pub fn leads_to_a_stranger(self) -> bool {
        self == Self::TarballElsewhere || self == Self::RedirectStranger
    }

    /// How far it reaches.
    pub fn reach(self) -> Reach {
        match self {
            Self::Genuine | Self::SlowDrip | Self::RedirectPort | Self::RedirectHttp => Reach::Nothing,
            Self::Tampered
            | Self::Truncated
            | Self::TruncatedChunked
            | Self::TruncatedUnframed
            | Self::ResetInBody
            | Self::EmptyPackument
            | Self::VersionMissing
            | Self::TarballElsewhere
            | Self::MergesPublic
            | Self::FallsThrough
            | Self::RedirectPublic
            | Self::RedirectStranger
            | Self::RedirectLoop => Reach::Some,
            Self::Refused
            | Self::BlackHole
            | Self::NxDomain
            | Self::ServFail
            | Self::LookupUnanswered
            | Self::ConnectionReset
            | Self::Unanswered
            | Self::CertificateUntrusted
            | Self::CertificateExpired
            | Self::CertificateWrongName
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::Gone
            | Self::RateLimited
            | Self::ServerError
            | Self::Unavailable
            | Self::LoginPage => Reach::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_one_that_scenario_files_use() {
        #[derive(Deserialize)]
        struct One {
            is: Answer,
        }
        let schema = schemars::schema_for!(Answer).to_value().to_string();
        let names: Vec<&str> =
            schema.split("\"const\":\"").skip(1).filter_map(|it| it.split('"').next()).collect();
        assert!(names.len() > 30, "{schema}");
        for name in names {
            let one: One = toml::from_str(&format!("is = \"{name}\"")).unwrap();
            assert_eq!(one.is.name(), name);
            // What nobody can reach cannot be felt by some requests only.
            assert!(!one.is.below_http() || one.is.reach() == Reach::All, "{name}");
        }
    }
}
