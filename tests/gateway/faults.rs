//! Each way of failing over a real socket: what a client sees of it, and what is recorded.

use super::with_folder;
use crate::rig::Rig;
use sealcheck::evidence::Exchange;
use sealcheck::scenario::Answer;
use std::time::{Duration, Instant};

const HOST: &str = "npm.corp.example";
const PACKUMENT: &str = "/npm/@acme%2finternal";
const TARBALL: &str = "/npm/@acme/internal/-/internal-1.2.0.tgz";

async fn get(rig: &Rig, path: &str) -> reqwest::Result<reqwest::Response> {
    let client = rig.build(&[HOST]).timeout(Duration::from_secs(5)).build().unwrap();
    client.get(rig.url(HOST, path)).send().await
}

async fn genuine(root: &std::path::Path) -> Vec<u8> {
    let rig = with_folder(root, Answer::Genuine);
    let bytes = get(&rig, TARBALL).await.unwrap().bytes().await.unwrap().to_vec();
    rig.gateway.close().await;
    bytes
}

fn faults(exchanges: &[Exchange]) -> Vec<Option<&str>> {
    exchanges.iter().map(|seen| seen.fault.as_deref()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_played_to_packuments_and_tarballs() {
    let root = tempfile::tempdir().unwrap();
    for (answer, status) in [
        (Answer::Unauthorized, 401),
        (Answer::Forbidden, 403),
        (Answer::NotFound, 404),
        (Answer::Gone, 410),
        (Answer::RateLimited, 429),
        (Answer::ServerError, 500),
        (Answer::Unavailable, 503),
        (Answer::LoginPage, 200),
    ] {
        let rig = with_folder(root.path(), answer);
        for path in [PACKUMENT, TARBALL] {
            let response = get(&rig, path).await.unwrap();
            assert_eq!(response.status(), status, "{answer:?}");
            let header = |name: &str| response.headers().get(name).map(|it| it.to_str().unwrap().to_owned());
            assert_eq!(header("retry-after").is_some(), status == 429);
            let page = header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
            assert_eq!(page, answer == Answer::LoginPage);
        }
        let record = rig.gateway.close().await;
        assert_eq!(faults(&record.exchanges), [Some(answer.name()), Some(answer.name())]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tarball_breaks_off_and_only_some_ends_can_be_told_from_the_whole() {
    let root = tempfile::tempdir().unwrap();
    let whole = genuine(root.path()).await;
    for (answer, framed, error) in [
        (Answer::Truncated, true, true),
        (Answer::TruncatedChunked, false, true),
        (Answer::TruncatedUnframed, false, false),
        (Answer::ResetInBody, true, true),
    ] {
        let rig = with_folder(root.path(), answer);
        assert_eq!(get(&rig, PACKUMENT).await.unwrap().status(), 200);
        let mut response = get(&rig, TARBALL).await.unwrap();
        assert_eq!(response.content_length(), framed.then_some(whole.len() as u64), "{answer:?}");
        let chunked = response.headers().get("transfer-encoding").is_some();
        assert_eq!(chunked, answer == Answer::TruncatedChunked);
        let mut got = Vec::new();
        let ended = loop {
            match response.chunk().await {
                Ok(Some(bytes)) => got.extend_from_slice(&bytes),
                Ok(None) => break Ok(()),
                Err(error) => break Err(format!("{error:?}")),
            }
        };
        assert_eq!(ended.is_err(), error, "{answer:?}: {ended:?}");
        if answer == Answer::ResetInBody {
            assert!(ended.unwrap_err().contains("ConnectionReset"));
        }
        assert_eq!(got, whole[..whole.len() / 2], "{answer:?}");
        let record = rig.gateway.close().await;
        assert_eq!(faults(&record.exchanges), [None, Some(answer.name())]);
        let broken = &record.exchanges[1];
        assert_eq!((broken.bytes, &broken.sha512), (got.len() as u64, &None), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_drips_is_whole() {
    let root = tempfile::tempdir().unwrap();
    let whole = genuine(root.path()).await;
    let rig = with_folder(root.path(), Answer::SlowDrip);
    let began = Instant::now();
    let got = get(&rig, TARBALL).await.unwrap().bytes().await.unwrap();
    assert_eq!(got, whole);
    assert!(began.elapsed() > Duration::from_millis(1500), "{:?}", began.elapsed());
    let record = rig.gateway.close().await;
    assert_eq!(faults(&record.exchanges), [Some("slow-drip")]);
    assert!(record.exchanges[0].sha512.is_some());
    assert!(record.exchanges[0].took_ms > Some(1500), "{record:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn packuments_say_something_else_and_tarballs_are_genuine() {
    let root = tempfile::tempdir().unwrap();
    let whole = genuine(root.path()).await;
    for answer in [Answer::EmptyPackument, Answer::VersionMissing, Answer::TarballElsewhere] {
        let rig = with_folder(root.path(), answer);
        let bytes = get(&rig, PACKUMENT).await.unwrap().bytes().await.unwrap();
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let versions = &document["versions"];
        if answer == Answer::EmptyPackument {
            assert_eq!(document, serde_json::json!({}));
        } else if answer == Answer::VersionMissing {
            assert_eq!(versions, &serde_json::json!({}));
        } else {
            let tarball = versions["1.2.0"]["dist"]["tarball"].as_str().unwrap();
            assert!(tarball.starts_with("https://packages.stranger.example/"), "{tarball}");
        }
        assert_eq!(get(&rig, TARBALL).await.unwrap().bytes().await.unwrap(), whole);
        let record = rig.gateway.close().await;
        assert_eq!(faults(&record.exchanges), [Some(answer.name()), None]);
        // Nobody asked for a decoy: its hashes were only written down.
        assert!(record.decoys.iter().all(|decoy| !decoy.asked));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tarballs_are_redirected_and_packuments_are_not() {
    let root = tempfile::tempdir().unwrap();
    for (answer, to) in [
        (Answer::RedirectPublic, "https://registry.example:PORT/@acme/internal/-/internal-1.2.0.tgz"),
        (Answer::RedirectStranger, "https://packages.stranger.example/@acme/internal/-/internal-1.2.0.tgz"),
        (Answer::RedirectPort, "https://npm.corp.example:8443/npm/@acme/internal/-/internal-1.2.0.tgz"),
        (Answer::RedirectHttp, "http://npm.corp.example/npm/@acme/internal/-/internal-1.2.0.tgz"),
        (Answer::RedirectLoop, "https://npm.corp.example:PORT/npm/@acme/internal/-/internal-1.2.0.tgz"),
    ] {
        let rig = with_folder(root.path(), answer);
        assert_eq!(get(&rig, PACKUMENT).await.unwrap().status(), 200);
        let response = get(&rig, TARBALL).await.unwrap();
        assert_eq!(response.status(), 302);
        let to = to.replace("PORT", &rig.port.to_string());
        assert_eq!(response.headers()["location"].to_str().unwrap(), to);
        let record = rig.gateway.close().await;
        assert_eq!(faults(&record.exchanges), [None, Some(answer.name())]);
        let to = url::Url::parse(&to).unwrap();
        let place = format!("{}:{}", to.host_str().unwrap(), to.port_or_known_default().unwrap());
        assert_eq!(record.exchanges[1].redirected_to.as_deref(), Some(place.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_certificate_ends_the_connection_before_a_request() {
    let root = tempfile::tempdir().unwrap();
    for (answer, why) in [
        (Answer::CertificateUntrusted, "UnknownIssuer"),
        (Answer::CertificateExpired, "Expired"),
        (Answer::CertificateWrongName, "NotValidForName"),
    ] {
        let rig = with_folder(root.path(), answer);
        let error = format!("{:?}", get(&rig, PACKUMENT).await.unwrap_err());
        assert!(error.contains(why), "{error}");
        // Another name's is as good as ever.
        let client = rig.client(&["registry.example"]);
        assert_eq!(
            client.get(rig.url("registry.example", "/@acme%2finternal")).send().await.unwrap().status(),
            200
        );
        let record = rig.gateway.close().await;
        assert_eq!(faults(&record.exchanges), [Some(answer.name()), None]);
        assert_eq!((record.exchanges[0].method.as_str(), record.exchanges[0].host.as_str()), ("-", HOST));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_reset_and_a_request_is_left_without_an_answer() {
    let root = tempfile::tempdir().unwrap();
    let rig = with_folder(root.path(), Answer::ConnectionReset);
    let error = format!("{:?}", get(&rig, PACKUMENT).await.unwrap_err());
    assert!(error.contains("ConnectionReset"), "{error}");
    let record = rig.gateway.close().await;
    assert_eq!(faults(&record.exchanges), [Some("connection-reset")]);

    let rig = with_folder(root.path(), Answer::Unanswered);
    let client = rig.build(&[HOST]).timeout(Duration::from_millis(500)).build().unwrap();
    let error = client.get(rig.url(HOST, PACKUMENT)).send().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    // Who waits for nothing is not waited for.
    let began = Instant::now();
    let record = rig.gateway.close().await;
    assert!(began.elapsed() < Duration::from_millis(700), "{:?}", began.elapsed());
    assert_eq!(faults(&record.exchanges), [Some("unanswered")]);
    assert_eq!(record.exchanges[0].status, None);
}
