//! The ways in which a registry fails, as the gateway plays them.
//!
//! Each family has a file: bodies that break off, documents that say something
//! else, redirects, certificates, what virtual registries give. What needs no genuine answer is decided in
//! `decide`, and names are failed by `names` and `dns`.

pub(super) mod body;
pub(super) mod certificate;
pub(super) mod document;
pub(super) mod redirect;
pub(super) mod virtuals;

use super::answer::Delivered;
use super::decide::Question;
use super::route::{Asked, Ownership, Shape, Site};
use super::serve::{Shared, Understood, Way};
use crate::evidence::exchange::{AnsweredBy, ExchangeKind};
use crate::plan::World;
use crate::scenario::Answer;
use http::{HeaderValue, Method, Response, StatusCode, header};

/// How the site answers, if not genuinely.
pub(super) fn answer(world: &World, site: &Site) -> Answer {
    match site {
        Site::Public => world.public_answer,
        Site::Registry(at) | Site::Also(at) => {
            world.registries.get(*at).map_or(Answer::Genuine, |registry| registry.answer)
        }
        Site::HandedOut(handed) => match handed.registry {
            Some(at) => world.registries.get(at).map_or(Answer::Genuine, |registry| registry.answer),
            None => world.public_answer,
        },
        Site::Trusted | Site::Unknown => Answer::Genuine,
    }
}

/// What is not known to be anybody's may be the owner's: a blob's path says nothing.
fn is_own(ownership: Option<&Ownership>) -> bool {
    match ownership {
        Some(Ownership::Private(_)) | None => true,
        Some(Ownership::Local | Ownership::Shared | Ownership::Public) => false,
    }
}

/// A packument or a tarball of the owner's is asked for, and not yet where this
/// scenario's own redirect led.
pub(super) fn is_read(question: &Question<'_>) -> bool {
    (*question.method == Method::GET || *question.method == Method::HEAD)
        && !question.moved
        && is_own(question.ownership)
}

fn is_tarball(asked: &Asked, site: &Site) -> bool {
    asked.kind(site) == ExchangeKind::Tarball
}

impl Shared {
    /// Does to a genuine answer what the scenario says.
    pub(super) async fn spoil(
        &self,
        way: &Way,
        understood: &Understood,
        response: Response<Delivered>,
    ) -> Response<Delivered> {
        let answer = answer(&self.world, &understood.site);
        if response.status() != StatusCode::OK || !is_own(understood.ownership.as_ref()) {
            return response;
        }
        let tarball = is_tarball(&understood.asked, &understood.site);
        let packument = understood.asked.shape == Shape::Packument && !tarball;
        let (spoilt, response) = if tarball && body::BROKEN.contains(&answer) {
            (true, body::spoil(answer, response, &way.reset))
        } else if packument && document::CHANGED.contains(&answer) {
            document::change(self, answer, understood, response).await
        } else {
            (false, response)
        };
        if spoilt {
            self.recorder.note(understood.slot, |exchange| {
                exchange.fault = Some(answer.name().to_owned());
                exchange.answered_by = AnsweredBy::Gateway;
            });
        }
        response
    }
}

/// What a portal or a single sign-on puts in the way: a page, and a 200.
pub(super) fn login_page() -> Response<Delivered> {
    const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n<body><form method=\"post\" \
                        action=\"/login\"><input name=\"user\"><input name=\"password\" type=\"password\">\
                        </form></body></html>\n";
    let mut response = Response::new(Delivered::full(PAGE));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}
