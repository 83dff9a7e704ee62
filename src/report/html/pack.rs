//! The JSON report packed into the page: each long string once, compressed, as text.
//!
//! The same digests, addresses and paths stand in every run, further apart than a
//! compressor looks back. So a string of some length goes to a pool when it is first met,
//! and `~12` stands wherever it is; one that begins with `~` itself gets another before it.
//! `app/data.js` undoes this. What a report means is not known here.

use crate::report::model::Report;
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};
use std::collections::HashMap;
use std::io::{self, Write};

/// Bytes of a string, as JSON spells it, from which on it goes to the pool.
const POOLED: usize = 12;

/// `{"report": …, "pool": […]}`, compressed, in base64.
pub(super) fn packed(report: &Report) -> io::Result<String> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(b"{\"report\":")?;
    let mut pooling = Pooling::default();
    let mut serializer = serde_json::Serializer::with_formatter(&mut gzip, &mut pooling);
    report.serialize(&mut serializer)?;
    gzip.write_all(b",\"pool\":[")?;
    for (at, text) in pooling.pool.iter().enumerate() {
        gzip.write_all(if at == 0 { b"\"" } else { b",\"" })?;
        gzip.write_all(text)?;
        gzip.write_all(b"\"")?;
    }
    gzip.write_all(b"]}")?;
    Ok(STANDARD.encode(gzip.finish()?))
}

/// Writes JSON without blanks, and holds each string back until its end.
#[derive(Default)]
struct Pooling {
    /// The string that is being written, escaped as JSON has it.
    held: Vec<u8>,
    in_string: bool,
    in_key: bool,
    pool: Vec<Vec<u8>>,
    places: HashMap<Vec<u8>, usize>,
}

impl Pooling {
    fn end<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        if self.in_key || held.len() < POOLED {
            if !self.in_key && held.first() == Some(&b'~') {
                writer.write_all(b"~")?;
            }
            return writer.write_all(&held);
        }
        let place = match self.places.get(&held) {
            Some(place) => *place,
            None => {
                self.places.insert(held.clone(), self.pool.len());
                self.pool.push(held);
                self.pool.len() - 1
            }
        };
        write!(writer, "~{place}")
    }
}

impl Formatter for &mut Pooling {
    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.in_string = true;
        writer.write_all(b"\"")
    }

    fn end_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.in_string = false;
        self.end(writer)?;
        writer.write_all(b"\"")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        if self.in_string {
            self.held.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        writer.write_all(text.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, _: &mut W, escape: CharEscape) -> io::Result<()> {
        CompactFormatter.write_char_escape(&mut self.held, escape)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.in_key = true;
        CompactFormatter.begin_object_key(writer, first)
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.in_key = false;
        CompactFormatter.end_object_key(writer)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::json::tests::{of_every_verdict, saved};
    use serde_json::Value;
    use std::io::Read;

    /// What `app/data.js` does.
    pub(in crate::report::html) fn unpacked(text: &str) -> Report {
        let bytes = STANDARD.decode(text).unwrap();
        let mut json = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut json).unwrap();
        let mut packed: Value = serde_json::from_str(&json).unwrap();
        let pool = packed["pool"].take();
        let mut report = packed["report"].take();
        resolve(&mut report, &pool);
        serde_json::from_value(report).unwrap()
    }

    fn resolve(value: &mut Value, pool: &Value) {
        match value {
            Value::String(text) => {
                let Some(rest) = text.strip_prefix('~') else { return };
                *text = match rest.starts_with('~') {
                    true => rest.to_owned(),
                    false => pool[rest.parse::<usize>().unwrap()].as_str().unwrap().to_owned(),
                };
            }
            Value::Array(values) => values.iter_mut().for_each(|value| resolve(value, pool)),
            Value::Object(values) => values.values_mut().for_each(|value| resolve(value, pool)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    #[test]
    fn what_is_packed_is_the_report() {
        for name in ["leaked", "sealed", "hostile", "interrupted", "unobserved"] {
            let report = saved(name);
            assert_eq!(unpacked(&packed(&report).unwrap()), report, "{name}");
        }
        let report = of_every_verdict();
        assert_eq!(unpacked(&packed(&report).unwrap()), report);
    }

    #[test]
    fn a_string_that_looks_like_a_place_in_the_pool_is_none() {
        let mut report = saved("sealed");
        for text in ["~0", "~", "~~1", "~\"\u{1b}", "~ and more than twelve \" of them \n"] {
            report.because = text.to_owned();
            assert_eq!(unpacked(&packed(&report).unwrap()), report, "{text}");
        }
    }

    #[test]
    fn what_every_run_repeats_is_there_once() {
        let mut report = saved("sealed");
        let one = packed(&report).unwrap().len();
        for number in 0..30 {
            let mut run = report.runs[0].clone();
            run.id = format!("again-{number}");
            report.runs.push(run);
        }
        let many = packed(&report).unwrap().len();
        assert!(many < one * 2, "{one} {many}");
    }
}
