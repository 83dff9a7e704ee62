//! Certificates and connections that TLS refused, by the codes of node and OpenSSL.

use super::{Subject, setting};
use crate::evidence::fact::NpmError;
use crate::finding::asked::written;
use url::Url;

/// Whether a code is one of TLS.
pub(super) fn is_one(code: &str) -> bool {
    const OTHERS: [&str; 5] =
        ["HOSTNAME_MISMATCH", "INVALID_CA", "PATH_LENGTH_EXCEEDED", "INVALID_PURPOSE", "EPROTO"];
    code.contains("CERT")
        || code.starts_with("UNABLE_TO_")
        || code.starts_with("ERR_TLS_")
        || code.starts_with("ERR_SSL_")
        || OTHERS.contains(&code)
}

/// Whether nobody whom npm trusts has signed the certificate.
pub(super) fn wants_authority(code: &str) -> bool {
    code.starts_with("UNABLE_TO_") || code.contains("SELF_SIGNED")
}

/// What was wrong with a host's certificate: the reason alone, since the URL stands beside it.
pub(super) fn what(error: &NpmError) -> String {
    let reason = error.summary.split_once("reason: ").map_or(error.summary.as_str(), |(_, reason)| reason);
    format!("was refused by TLS: {reason}")
}

/// The host, as npm or the exchange has it.
fn host(subject: &Subject<'_>) -> String {
    let of_answer = subject.answers.first().map(|(exchange, _)| exchange.host.clone());
    let of_url = || {
        let url = Url::parse(subject.error.url.as_deref()?).ok()?;
        url.host_str().map(str::to_owned)
    };
    of_answer.or_else(of_url).unwrap_or_else(|| "the host".to_owned())
}

pub(super) fn help(subject: &Subject<'_>) -> String {
    let host = host(subject);
    match subject.error.code.as_str() {
        "CERT_HAS_EXPIRED" => {
            format!("have {host} renew its certificate; `strict-ssl=false` would take any other one as well")
        }
        "CERT_NOT_YET_VALID" => format!(
            "compare the clock of this machine with the day from which the certificate of {host} holds"
        ),
        "ERR_TLS_CERT_ALTNAME_INVALID" | "HOSTNAME_MISMATCH" => {
            format!(
                "name the registry as its certificate does, or have the certificate name {host}; somebody else may answer there"
            )
        }
        code if wants_authority(code) => match setting(subject) {
            Some(setting) => format!(
                "put the authority that signed the certificate of {host} into {}, or have {host} send the certificates between as well",
                written(setting)
            ),
            None => format!(
                "name the authority that signed the certificate of {host} by `cafile` in your own `~/.npmrc` (or NODE_EXTRA_CA_CERTS), or have {host} send the certificates between as well"
            ),
        },
        code if code.contains("CERTIFICATE_REQUIRED") || code.contains("HANDSHAKE_FAILURE") => {
            format!(
                "{host} asks for a certificate of ours: name it by `//{host}/:certfile` and `//{host}/:keyfile` in your own `~/.npmrc`"
            )
        }
        "ERR_SSL_WRONG_VERSION_NUMBER" | "EPROTO" => {
            format!(
                "what answers at that port of {host} speaks no TLS: correct the port or the scheme of the URL, or a proxy between"
            )
        }
        _ => format!("see what {host} presents (`openssl s_client -connect HOST:PORT`), and mend it there"),
    }
}
