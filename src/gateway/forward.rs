//! Answers that come from the real registries, and where they lead.

use super::answer::{Delivered, dress, error, respond};
use super::reach::Asker;
use super::route::{self, Handed, Shape, Site};
use super::serve::{Shared, Understood, Way, place};
use crate::evidence::exchange::AnsweredBy;
use crate::upstream::{Allowance, Body, Head, MAX_PACKUMENT, Request as Fetch, UpstreamError};
use http::{HeaderMap, Response, StatusCode, header};
use std::sync::PoisonError;
use url::Url;

/// Bytes that are fetched for the scripts of a run.
pub(super) const FOR_SCRIPTS: u64 = 2 << 30;
/// URLs that answers led to, kept at most.
const MAX_HANDED: usize = 100_000;

impl Shared {
    pub(super) async fn forward(
        &self,
        way: &Way,
        understood: &Understood,
        fetch: Fetch,
        headers: &HeaderMap,
    ) -> Response<Delivered> {
        let answer = match self.upstream.get_within(fetch.clone(), self.allowance(way).await).await {
            Ok(answer) => answer,
            Err(UpstreamError::Offline(_)) => return self.unreachable(understood, "not-in-store"),
            Err(why @ UpstreamError::Internal { .. }) => {
                tracing::debug!(error = &why as &dyn std::error::Error, "not asked");
                return self.unreachable(understood, "internal-address");
            }
            Err(UpstreamError::Spent(host)) => {
                tracing::debug!(host, "scripts have fetched all that they may");
                return self.unreachable(understood, "fetched-too-much");
            }
            // Said once where the host was given up.
            Err(UpstreamError::Network { host, what }) => {
                tracing::debug!(host, what, "a registry could not be reached");
                return self.unreachable(understood, "upstream-unreachable");
            }
            Err(why) => {
                tracing::warn!(error = &why as &dyn std::error::Error, "a registry could not be reached");
                return self.unreachable(understood, "upstream-unreachable");
            }
        };
        let by = if answer.stored { AnsweredBy::Store } else { AnsweredBy::Upstream };
        self.recorder.note(understood.slot, |exchange| exchange.answered_by = by);
        if let Some(location) =
            answer.head.header("location").filter(|_| (300..400).contains(&answer.head.status))
        {
            self.redirected(understood, location);
        }
        let genuine = answer.head.status == 200;
        if genuine && self.may_be_tampered(understood) {
            return self.forward_tampered(understood, answer.head, answer.body).await;
        }
        let etag = answer.head.header("etag").zip(headers.get(header::IF_NONE_MATCH));
        let unchanged = genuine
            && etag.is_some_and(|(etag, asked)| {
                asked.to_str().is_ok_and(|asked| asked.split(',').any(|one| one.trim() == etag))
            });
        let document = genuine && understood.asked.shape == Shape::Packument;
        let mut response = if document && understood.site != Site::Public {
            self.packument(understood, fetch, answer.head, answer.body).await
        } else {
            respond(&answer.head, answer.body)
        };
        if unchanged && response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        response
    }

    /// What is fetched for scripts is bounded; what npm installs is bounded by the lockfile.
    async fn allowance(&self, way: &Way) -> Option<Allowance> {
        let asker = Asker::of(way.caller.wait().await, self.callers.follows());
        (asker == Asker::Script).then(|| self.for_scripts.clone())
    }

    /// A registry's packument passes unchanged; where it says that tarballs lie
    /// is remembered, so that npm can fetch them there.
    async fn packument(
        &self,
        understood: &Understood,
        fetch: Fetch,
        head: Head,
        body: Body,
    ) -> Response<Delivered> {
        let Ok(bytes) = body.collect(MAX_PACKUMENT).await else {
            return match self.upstream.get(fetch).await {
                Ok(again) => respond(&again.head, again.body),
                Err(_) => self.unreachable(understood, "upstream-unreachable"),
            };
        };
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let versions = document.get("versions").and_then(|versions| versions.as_object());
        for (version, manifest) in versions.into_iter().flatten() {
            let tarball =
                manifest.get("dist").and_then(|dist| dist.get("tarball")).and_then(|url| url.as_str());
            if let Some(url) = tarball.and_then(|text| Url::parse(text).ok()) {
                self.hand_out(understood, &url, Some(version.clone()));
            }
        }
        let mut response = Response::new(Delivered::full(bytes));
        dress(&mut response, &head);
        response
    }

    fn redirected(&self, understood: &Understood, location: &str) {
        let Ok(url) = understood.url.join(location) else { return };
        let port = url.port_or_known_default().unwrap_or(443);
        let to = self.scanner.redact_name(&format!("{}:{port}", url.host_str().unwrap_or_default()));
        self.recorder.note(understood.slot, |exchange| exchange.redirected_to = Some(to));
        self.hand_out(understood, &url, understood.asked.version.clone());
    }

    /// Remembers where an answer led, unless that is some registry's own place.
    fn hand_out(&self, understood: &Understood, url: &Url, version: Option<String>) {
        if !matches!(route::site(&self.world, url, || None), Site::Trusted | Site::Unknown) {
            return;
        }
        let registry = match &understood.site {
            Site::Registry(at) | Site::Also(at) => Some(*at),
            Site::HandedOut(handed) => handed.registry,
            Site::Public => None,
            // Nobody whose word counts.
            Site::Trusted | Site::Unknown => return,
        };
        let role = route::role(understood.ownership.as_ref(), &understood.site);
        let handed = Handed { package: understood.asked.package.clone(), version, role, registry };
        let mut all = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MAX_HANDED {
            all.insert(place(url), handed);
        }
    }

    pub(super) fn unreachable(&self, understood: &Understood, fault: &str) -> Response<Delivered> {
        self.recorder.note(understood.slot, |exchange| {
            exchange.fault = Some(fault.to_owned());
            exchange.answered_by = AnsweredBy::Gateway;
        });
        // npm tries again after a 502, up to a minute later. Where nothing can be otherwise by
        // then, it gets a status after which it does not.
        let again = fault == "upstream-broke-off"
            || fault == "upstream-unreachable" && !self.upstream.has_given_up(&understood.url);
        error(if again { 502 } else { 424 }, "the real registry could not be reached")
    }
}
