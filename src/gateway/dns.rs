//! The resolver of a sandbox: each name leads to a door.
//!
//! Packets are hostile. What cannot be read is not answered, what is odd is refused,
//! and nothing a packet says can take more than a packet's memory.

use super::flow::Flow;
use super::line::Line;
use super::names::{Found, Names};
use super::record::Recorder;
use super::scan::Scanner;
use super::{callers::Asked, callers::Callers};
use crate::door::{Datagram, Stream, Visit};
use crate::evidence::Lookup;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

/// Seconds for which an answer may be kept: none, so that every process that
/// asks is seen.
const TTL: u32 = 0;
/// Where it is to be found.
pub(super) const RESOLVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);
/// Connections that are served at once.
pub(super) const MAX_STREAMS: usize = 64;
/// Silence after which one is closed.
const IDLE: Duration = Duration::from_secs(10);

/// Answers look-ups and records them.
pub(super) struct Resolver {
    pub(super) names: Arc<Names>,
    pub(super) scanner: Arc<Scanner>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) callers: Arc<dyn Callers>,
}

impl Resolver {
    /// Answers datagrams for ever.
    pub(super) async fn serve_datagrams(self: Arc<Self>, mut datagrams: mpsc::Receiver<Datagram>) {
        while let Some(Datagram { peer, bytes, answer }) = datagrams.recv().await {
            if let Some(answered) = self.answer(&bytes, peer) {
                // Who asked may be gone.
                let _ = answer.send(answered);
            }
        }
    }

    /// Answers what is asked over TCP, and gives back what asks no more.
    pub(super) async fn serve_stream(&self, visit: Visit, flow: &Flow) -> Box<dyn Stream> {
        let (mut line, mut back) = Line::new(visit.stream, Vec::new(), flow.clone());
        // Who asked may leave at any moment.
        let _ = self.queries(&mut line, visit.peer, flow).await;
        drop(line);
        match back.try_recv() {
            Ok(stream) => stream,
            Err(_) => Box::new(tokio::io::join(tokio::io::empty(), tokio::io::sink())),
        }
    }

    async fn queries(
        &self,
        stream: &mut Line<Box<dyn Stream>>,
        peer: SocketAddr,
        flow: &Flow,
    ) -> io::Result<()> {
        loop {
            let length = tokio::time::timeout(IDLE, stream.read_u16()).await??;
            let mut packet = vec![0; usize::from(length)];
            tokio::time::timeout(IDLE, stream.read_exact(&mut packet)).await??;
            if let Some(label) = self.carried(&packet) {
                flow.told(&label);
            }
            let Some(answer) = self.answer(&packet, peer) else { return Ok(()) };
            let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
            stream.write_u16(length).await?;
            stream.write_all(&answer).await?;
        }
    }

    /// The answer to a packet; `None` drops it.
    fn answer(&self, packet: &[u8], peer: SocketAddr) -> Option<Vec<u8>> {
        let Some(asked) = Message::from_vec(packet).ok() else {
            self.odd(packet, None, "unanswered", peer);
            return None;
        };
        if asked.metadata.message_type != MessageType::Query {
            self.odd(packet, Some(&asked), "unanswered", peer);
            return None;
        }
        let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
        answer.metadata.recursion_desired = asked.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        if asked.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(1232);
            answer.set_edns(edns);
        }
        let query = match asked.queries.as_slice() {
            [query] if asked.metadata.op_code == OpCode::Query && query.query_class() == DNSClass::IN => {
                query
            }
            _ => {
                self.odd(packet, Some(&asked), "REFUSED", peer);
                answer.metadata.response_code = ResponseCode::Refused;
                return answer.to_vec().ok();
            }
        };
        answer.add_query(query.clone());
        let name = query.name().to_string().trim_end_matches('.').to_ascii_lowercase();
        let resolved = resolve(&self.names, &name, query.query_type());
        let said = match &resolved {
            Some((code, address, said)) => {
                answer.metadata.response_code = *code;
                if let Some(address) = address {
                    answer.add_answer(Record::from_rdata(query.name().clone(), TTL, RData::A(A(*address))));
                }
                said.clone()
            }
            None => "unanswered".to_owned(),
        };
        self.note(packet, &name, &said, peer);
        resolved?;
        answer.to_vec().ok()
    }

    /// What is no question as resolvers ask them; it has left all the same.
    fn odd(&self, packet: &[u8], asked: Option<&Message>, said: &str, peer: SocketAddr) {
        let name = asked.and_then(|asked| asked.queries.first()).map_or_else(
            || "-".to_owned(),
            |query| query.name().to_string().trim_end_matches('.').to_ascii_lowercase(),
        );
        self.note(packet, &name, said, peer);
    }

    fn note(&self, packet: &[u8], name: &str, said: &str, peer: SocketAddr) {
        self.recorder.lookup(
            Lookup {
                seq: 0,
                name: self.scanner.redact_name(name),
                answer: said.to_owned(),
                process: None,
                carried_secret: self.carried(packet),
                at_ms: None,
            },
            || Asked::about(self.callers.clone(), peer, RESOLVER),
        );
    }

    /// The label of a value anywhere in a message: in a name, or in its bytes.
    fn carried(&self, packet: &[u8]) -> Option<String> {
        let asked = Message::from_vec(packet).ok();
        let mut names = asked.iter().flat_map(|asked| &asked.queries).map(|query| query.name().to_string());
        names
            .find_map(|name| self.scanner.in_name(name.trim_end_matches('.')))
            .or_else(|| self.scanner.in_bytes(packet))
    }
}

/// The code, the address and the words for the record; `None` is silence.
fn resolve(names: &Names, name: &str, kind: RecordType) -> Option<(ResponseCode, Option<Ipv4Addr>, String)> {
    // The reverse tree, and names no resolver would look for, lead nowhere and take no door.
    if name.is_empty() || name.ends_with(".arpa") || name == "arpa" {
        return Some((ResponseCode::NXDomain, None, "NXDOMAIN".into()));
    }
    match (names.find(name), kind) {
        (Found::NxDomain, _) => Some((ResponseCode::NXDomain, None, "NXDOMAIN".into())),
        (Found::ServFail, _) => Some((ResponseCode::ServFail, None, "SERVFAIL".into())),
        (Found::Unanswered, _) => None,
        (Found::NoneLeft, _) => Some((ResponseCode::ServFail, None, "SERVFAIL (no address is left)".into())),
        (Found::Door(address) | Found::Nobody(address), RecordType::A | RecordType::ANY) => {
            Some((ResponseCode::NoError, Some(address), address.to_string()))
        }
        (Found::Door(_) | Found::Nobody(_), _) => Some((ResponseCode::NoError, None, "none".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::worlds::world;
    use super::*;
    use crate::scenario::Answer;
    use hickory_proto::op::Query;
    use hickory_proto::rr::Name;

    struct Nobody;

    impl Callers for Nobody {
        fn caller<'a>(
            &'a self,
            _: SocketAddr,
            _: SocketAddr,
        ) -> std::pin::Pin<Box<dyn Future<Output = Option<super::super::Caller>> + Send + 'a>> {
            Box::pin(std::future::ready(None))
        }
    }

    fn resolver(world: &crate::plan::World) -> Resolver {
        Resolver {
            names: Arc::new(Names::new(world, [])),
            scanner: Arc::new(Scanner::new(world)),
            recorder: Arc::default(),
            callers: Arc::new(Nobody),
        }
    }

    fn ask(name: &str, kind: RecordType) -> Vec<u8> {
        let mut message = Message::query();
        message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        message.to_vec().unwrap()
    }

    fn peer() -> SocketAddr {
        "127.0.0.1:9".parse().unwrap()
    }

    #[tokio::test]
    async fn names_lead_to_doors_and_have_no_other_records() {
        let mut world = world();
        world.registries[0].answer = Answer::NxDomain;
        let resolver = resolver(&world);
        let get = |name: &str, kind| {
            Message::from_vec(&resolver.answer(&ask(name, kind), peer()).unwrap()).unwrap()
        };
        let found = get("Registry.Example.", RecordType::A);
        let RData::A(A(address)) = found.answers[0].data else { panic!("no address") };
        assert!(address.is_loopback());
        assert_eq!(get("registry.example.", RecordType::AAAA).answers.len(), 0);
        assert_eq!(get("registry.example.", RecordType::AAAA).metadata.response_code, ResponseCode::NoError);
        assert_eq!(get("npm.corp.example.", RecordType::A).metadata.response_code, ResponseCode::NXDomain);
        let seen = resolver.recorder.clone().finish().await.lookups;
        let said: Vec<_> = seen.iter().map(|seen| (seen.name.as_str(), seen.answer.clone())).collect();
        assert_eq!(said[0], ("registry.example", address.to_string()));
        assert_eq!(said[1], ("registry.example", "none".to_owned()));
        assert_eq!(said[3], ("npm.corp.example", "NXDOMAIN".to_owned()));
        assert_eq!(seen.iter().map(|seen| seen.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn a_resolver_that_fails_and_one_that_is_silent_are_in_the_record() {
        let mut world = world();
        world.registries[0].answer = Answer::ServFail;
        world.registries[1].answer = Answer::LookupUnanswered;
        let resolver = resolver(&world);
        let failed = resolver.answer(&ask("npm.corp.example.", RecordType::A), peer()).unwrap();
        assert_eq!(Message::from_vec(&failed).unwrap().metadata.response_code, ResponseCode::ServFail);
        assert!(resolver.answer(&ask("mirror.example.", RecordType::A), peer()).is_none());
        let seen = resolver.recorder.clone().finish().await.lookups;
        let said: Vec<_> = seen.iter().map(|seen| (seen.name.as_str(), seen.answer.as_str())).collect();
        assert_eq!(said, [("npm.corp.example", "SERVFAIL"), ("mirror.example", "unanswered")]);
    }

    #[tokio::test]
    async fn a_secret_in_a_name_is_seen_and_not_recorded() {
        let world = world();
        let resolver = resolver(&world);
        let value = &world.planted[0].value;
        resolver.answer(&ask(&format!("{value}.evil.example."), RecordType::A), peer()).unwrap();
        let seen = resolver.recorder.clone().finish().await.lookups;
        assert_eq!(seen[0].carried_secret.as_deref(), Some("NPM_TOKEN"));
        assert!(!seen[0].name.contains(value.as_str()), "{}", seen[0].name);
    }

    #[tokio::test]
    async fn garbage_is_unanswered_and_in_the_record() {
        let resolver = resolver(&world());
        for packet in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", &[0xff; 600], &[0; 12]] {
            let _ = resolver.answer(packet, peer());
        }
        let mut response = Message::response(1, OpCode::Query);
        response.add_query(Query::query(Name::from_ascii("a.").unwrap(), RecordType::A));
        assert!(resolver.answer(&response.to_vec().unwrap(), peer()).is_none());
        let seen = resolver.recorder.clone().finish().await.lookups;
        assert_eq!(seen.len(), 5, "{seen:#?}");
        assert!(seen.iter().all(|seen| seen.carried_secret.is_none()), "{seen:#?}");
    }
}
