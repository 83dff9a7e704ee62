//! Certificates that npm must not take.

use crate::scenario::Answer;
use rcgen::{CertificateParams, date_time_ymd};

/// What is wrong with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::gateway) enum Flaw {
    /// It is signed by an authority that is in no store.
    Untrusted,
    /// Its time is over.
    Expired,
    /// It is for another name.
    WrongName,
}

impl Flaw {
    /// The flaw that an answer plays.
    pub(in crate::gateway) fn of(answer: Answer) -> Option<Self> {
        let flaws = [
            (Answer::CertificateUntrusted, Self::Untrusted),
            (Answer::CertificateExpired, Self::Expired),
            (Answer::CertificateWrongName, Self::WrongName),
        ];
        flaws.into_iter().find(|(known, _)| *known == answer).map(|(_, flaw)| flaw)
    }

    /// The name for which a server of `name` has its certificate.
    pub(in crate::gateway) fn subject(self, name: &str) -> &str {
        match self {
            Self::Untrusted | Self::Expired => name,
            Self::WrongName => "parked.example",
        }
    }

    /// Makes it so.
    pub(in crate::gateway) fn apply(self, params: &mut CertificateParams) {
        match self {
            Self::Untrusted | Self::WrongName => {}
            Self::Expired => {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2020, 4, 1);
            }
        }
    }
}
