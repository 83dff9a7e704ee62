//! Planted secrets in a request's head: out of place, or shown to the service that they would be
//! for. Bodies are [`super::searched`]'s.

use super::credential;
use super::serve::{Shared, Way};
use http::{Method, header};
use url::Url;

impl Shared {
    /// The label of a planted value anywhere but in a recognised Authorization header.
    pub(super) fn carried(
        &self,
        way: &Way,
        host: &str,
        asked_at: &Url,
        url: &str,
        parts: &http::request::Parts,
        recognised: bool,
    ) -> Option<String> {
        // The first is the one that was looked at.
        let shown = parts.headers.get(header::AUTHORIZATION).filter(|_| recognised);
        if let Some(value) = shown {
            way.flow.excuse(value.as_bytes());
        }
        let own = |value: &header::HeaderValue| shown.is_some_and(|shown| std::ptr::eq(shown, value));
        let in_headers = || {
            let mut headers = parts.headers.iter().filter(|(_, value)| !own(value));
            headers.find_map(|(name, value)| {
                let bytes = value.as_bytes();
                let folded = if name == header::HOST { value.to_str().ok() } else { Some(name.as_str()) };
                self.scanner
                    .in_bytes(bytes)
                    .or_else(|| self.scanner.in_name(folded.unwrap_or_default()))
                    .filter(|label| {
                        let at_home = self.is_at_home(label, way, host, &parts.method, name)
                            || credential::is_named(&self.world, label, asked_at, name.as_str());
                        if at_home {
                            way.flow.excuse(bytes);
                        }
                        !at_home
                    })
            })
        };
        self.scanner
            .in_bytes(url.as_bytes())
            .or_else(|| self.scanner.in_name(host))
            .or_else(|| self.scanner.in_bytes(parts.method.as_str().as_bytes()))
            .or_else(in_headers)
    }

    /// The label of a planted secret that is shown to the service it would be for,
    /// as a program does that downloads with the user's own token.
    pub(super) fn used(&self, way: &Way, host: &str, parts: &http::request::Parts) -> Option<String> {
        parts.headers.iter().filter(|(name, _)| shows_who(name)).find_map(|(name, value)| {
            let label = self.scanner.in_bytes(value.as_bytes())?;
            self.is_at_home(&label, way, host, &parts.method, name).then_some(label)
        })
    }

    /// Whoever only reads there takes nothing out.
    fn is_at_home(
        &self,
        label: &str,
        way: &Way,
        host: &str,
        method: &Method,
        name: &header::HeaderName,
    ) -> bool {
        way.scheme == "https"
            && matches!(*method, Method::GET | Method::HEAD)
            && shows_who(name)
            && self.world.secrets.is_home(label, host)
    }
}

/// Whether a header is where a service looks for a credential.
fn shows_who(name: &header::HeaderName) -> bool {
    name == header::AUTHORIZATION || name.as_str() == "x-api-key"
}
