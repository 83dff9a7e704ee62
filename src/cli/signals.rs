//! Ctrl-C and SIGTERM, as one future.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves at the first SIGINT, SIGTERM or SIGHUP.
pub(crate) async fn asked_to_stop() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let waits = kinds.into_iter().filter_map(|kind| signal(kind).ok()).map(|mut one| {
        Box::pin(async move {
            one.recv().await;
        })
    });
    futures_util::future::select_all(waits).await;
}
