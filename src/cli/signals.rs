//! Ctrl-C and SIGTERM: as one future, and as a watch that a whole command looks at.

use super::say;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

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

/// Becomes true when the user wants an end, who is told so: `what` is what is ended
/// (`runs`). Who asks once more gets it at once.
pub(crate) fn stop(runtime: &tokio::runtime::Runtime, what: &'static str) -> watch::Receiver<bool> {
    let (sender, stop) = watch::channel(false);
    runtime.spawn(async move {
        asked_to_stop().await;
        say(&format!("interrupted: ending the {what} (once more ends at once)"));
        sender.send_replace(true);
        // The toolchain is asked in a thread that waits for it.
        crate::output::end_all();
        asked_to_stop().await;
        crate::report::progress::leave();
        std::process::exit(130);
    });
    stop
}
