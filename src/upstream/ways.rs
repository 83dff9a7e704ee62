//! The ways out of an invocation: whoever reaches registries in the same way shares its
//! connections, and what was learnt of hosts that cannot be reached.
//!
//! A host that is dead by one proxy, or not trusted by one set of authorities, may be well by
//! another: each configuration is a way of its own. It knows no project and no toolchain.

use super::flight::Way;
use super::hosts::Hosts;
use super::{Reach, Store, Upstream, UpstreamConfig, UpstreamError};
use std::sync::{Arc, Mutex, PoisonError};

/// What all upstreams of one invocation share. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Ways {
    known: Arc<Mutex<Vec<Known>>>,
}

/// A configuration and the way that it is.
type Known = (UpstreamConfig, Arc<Way>);

impl Ways {
    /// An upstream with a store of its own. With `offline` nothing is ever sent.
    pub fn upstream(
        &self,
        config: &UpstreamConfig,
        store: Arc<Store>,
        offline: bool,
    ) -> Result<Upstream, UpstreamError> {
        Ok(Upstream::by(self.way(config)?, store, offline))
    }

    fn way(&self, config: &UpstreamConfig) -> Result<Arc<Way>, UpstreamError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, way)) = known.iter().find(|(other, _)| other == config) {
            return Ok(way.clone());
        }
        let way = Arc::new(Way {
            client: config.client(Reach::Anywhere)?,
            guarded: config.client(Reach::Outside)?,
            hosts: Hosts::default(),
        });
        known.push((config.clone(), way.clone()));
        Ok(way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::upstream::{Accept, Request};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use url::Url;

    /// A port where each connection is counted and closed at once.
    fn hanging_up() -> (Url, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap();
        let counted = Arc::new(AtomicUsize::new(0));
        let counter = counted.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                drop(stream);
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        (url, counted)
    }

    async fn ask(ways: &Ways, config: &UpstreamConfig, url: &Url) {
        let store = Arc::new(Store::temporary().unwrap());
        let upstream = ways.upstream(config, store, false).unwrap();
        for at in 0..3 {
            let url = url.join(&format!("package-{at}")).unwrap();
            let request = Request { url, accept: Accept::Any, authorization: None, reach: Reach::Anywhere };
            assert!(upstream.get(request).await.is_err());
        }
        assert!(upstream.has_given_up(url));
    }

    #[tokio::test]
    async fn a_dead_host_is_learnt_once_for_all_that_go_the_same_way() {
        let (url, counted) = hanging_up();
        let ways = Ways::default();
        let config = UpstreamConfig::default();
        for _ in 0..4 {
            ask(&ways, &config, &url).await;
        }
        assert_eq!(counted.load(Ordering::SeqCst), 2);
        // By another proxy it may be there.
        let (proxy, asked) = hanging_up();
        let proxy = proxy.as_str().replace("https:", "http:");
        let other = UpstreamConfig { https_proxy: Some(Secret::new("proxy", proxy)), ..config };
        ask(&ways, &other, &url).await;
        assert_eq!((counted.load(Ordering::SeqCst), asked.load(Ordering::SeqCst)), (2, 2));
    }
}
