//! Credentials in URLs: `https://user:password@host/`, which npm sends as basic
//! authentication.

use crate::project::registry::RegistryUrl;
use base64::{Engine, engine::general_purpose::STANDARD};
use url::Url;

/// The URL, if there is a credential in it. npm sends that as basic authentication.
pub(super) fn userinfo(text: &str) -> Option<Url> {
    if !text.contains('@') || !text.contains("://") {
        return None;
    }
    let url = Url::parse(text.trim()).ok()?;
    // `ssh://git@host` names a user and no secret.
    let secret =
        url.password().is_some() || matches!(url.scheme(), "http" | "https") && !url.username().is_empty();
    secret.then_some(url)
}

/// The credential as the text spells it (a parsed URL may escape it otherwise).
pub(super) fn raw_userinfo(text: &str) -> Option<&str> {
    let authority = text.split_once("://")?.1.split(['/', '?', '#']).next()?;
    authority.rsplit_once('@').map(|(userinfo, _)| userinfo)
}

/// The URL with the token for its password, or for its user where there is no
/// password. Only a URL without a host refuses either, and it has none of them.
pub(super) fn with_planted(mut url: Url, token: &str) -> Url {
    let _ = if url.password().is_some() { url.set_password(Some(token)) } else { url.set_username(token) };
    url
}

/// The value of basic authentication that a URL stands for.
pub(super) fn basic(url: &Url) -> String {
    STANDARD.encode(format!("{}:{}", url.username(), url.password().unwrap_or_default()))
}

/// The key by which npmrc files tie credentials to a URL's registry.
pub(super) fn nerf_dart(url: &Url) -> Option<String> {
    RegistryUrl::parse(url.as_str()).ok().map(|registry| registry.nerf_dart())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_in_a_url_is_known_and_a_user_of_ssh_is_none() {
        for (text, raw) in [
            ("https://u:p%2f@h.example/x", "u:p%2f"),
            ("http://token@h.example", "token"),
            ("git+https://u:p@h.example/r.git", "u:p"),
        ] {
            assert!(userinfo(text).is_some(), "{text}");
            assert_eq!(raw_userinfo(text), Some(raw));
        }
        for text in ["https://h.example/@acme/x", "git+ssh://git@h.example/r.git", "me@h.example", "", "://@"]
        {
            assert!(userinfo(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_planted_value_stands_where_the_real_one_stood() {
        let planted = |text: &str| with_planted(userinfo(text).unwrap(), "T");
        assert_eq!(planted("https://u:p@h.example/x").as_str(), "https://u:T@h.example/x");
        assert_eq!(planted("https://token@h.example/x").as_str(), "https://T@h.example/x");
        assert_eq!(basic(&planted("https://u:p@h.example/")), STANDARD.encode("u:T"));
        assert_eq!(
            nerf_dart(&planted("https://u:p@h.example:8443/x")).as_deref(),
            Some("//h.example:8443/x/")
        );
    }
}
