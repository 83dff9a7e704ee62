//! A TOML table with places, asked key by key.

use crate::project::places::place;
use crate::text::{Complaint, Place, Source, nearest};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value that stands somewhere.
pub(super) type At<T> = (T, Place);

/// One table of a file.
pub(super) struct Table<'a> {
    source: &'a Source,
    /// How messages call it: `[install]`; empty for the file itself.
    name: &'a str,
    table: &'a DeTable<'a>,
    span: Range<usize>,
}

impl<'a> Table<'a> {
    pub(super) fn new(source: &'a Source, name: &'a str, table: &'a DeTable<'a>, span: Range<usize>) -> Self {
        Self { source, name, table, span }
    }

    /// Where the table is.
    pub(super) fn place(&self) -> Place {
        place(self.source, self.span.clone())
    }

    /// Complains about the first key that nobody knows.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Complaint> {
        let mut keys: Vec<_> = self.table.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        for key in keys {
            let written: &str = key.get_ref();
            if known.contains(&written) {
                continue;
            }
            let within = if self.name.is_empty() { String::new() } else { format!(" in `{}`", self.name) };
            let complaint =
                Complaint::at(place(self.source, key.span()), format!("unknown key `{written}`{within}"));
            return Err(complaint.help(match nearest(written, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys are {}", listed(known)),
            }));
        }
        Ok(())
    }

    fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    pub(super) fn at(&self, key: &str) -> Option<Place> {
        Some(place(self.source, self.value(key)?.span()))
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) -> Complaint {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        Complaint::at(place(self.source, value.span()), format!("`{key}` is {found}, where {wanted} belongs"))
            .help(format!("make it {wanted}"))
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<At<String>>, Complaint> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let text = value.get_ref().as_str().ok_or_else(|| self.wrong(key, value, "a string"))?;
        Ok(Some((text.to_owned(), place(self.source, value.span()))))
    }

    /// A string that has to be there.
    pub(super) fn needed(&self, key: &str) -> Result<At<String>, Complaint> {
        self.string(key)?.ok_or_else(|| {
            Complaint::at(self.place(), format!("`{}` lacks `{key}`", self.name))
                .help(format!("add `{key} = \"…\"`"))
        })
    }

    /// `None` where the key is not there.
    pub(super) fn strings(&self, key: &str) -> Result<Option<Vec<At<String>>>, Complaint> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let array =
            value.get_ref().as_array().ok_or_else(|| self.wrong(key, value, "an array of strings"))?;
        array
            .iter()
            .map(|item| {
                let text = item.get_ref().as_str().ok_or_else(|| self.wrong(key, item, "a string"))?;
                Ok((text.to_owned(), place(self.source, item.span())))
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Some)
    }

    /// Every key of a table of strings.
    pub(super) fn string_table(&self, key: &str) -> Result<Vec<(String, At<String>)>, Complaint> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let table = value.get_ref().as_table().ok_or_else(|| self.wrong(key, value, "a table of strings"))?;
        table
            .iter()
            .map(|(name, value)| {
                let text = value.get_ref().as_str().ok_or_else(|| self.wrong(key, value, "a string"))?;
                let name: &str = name.get_ref();
                Ok((name.to_owned(), (text.to_owned(), place(self.source, value.span()))))
            })
            .collect()
    }

    pub(super) fn table(&self, key: &str, name: &'a str) -> Result<Option<Self>, Complaint> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let table = value.get_ref().as_table().ok_or_else(|| self.wrong(key, value, "a table"))?;
        Ok(Some(Self::new(self.source, name, table, value.span())))
    }

    pub(super) fn tables(&self, key: &str, name: &'a str) -> Result<Option<Vec<Self>>, Complaint> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let wanted = format!("a list of tables (`{name}`)");
        let array = value.get_ref().as_array().ok_or_else(|| self.wrong(key, value, &wanted))?;
        array
            .iter()
            .map(|item| {
                let table = item.get_ref().as_table().ok_or_else(|| self.wrong(key, item, "a table"))?;
                Ok(Self::new(self.source, name, table, item.span()))
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Some)
    }

    /// A date without a time.
    pub(super) fn date(&self, key: &str) -> Result<Option<jiff::civil::Date>, Complaint> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let bad = || {
            let complaint = self.wrong(key, value, "a date");
            complaint.help("write it as a date without quotes and without a time: `2027-03-01`")
        };
        let written = value.get_ref().as_datetime().ok_or_else(bad)?;
        let (Some(date), None) = (written.date, written.time) else { return Err(bad()) };
        let part = |number: u8| i8::try_from(number).unwrap_or(0);
        let year = i16::try_from(date.year).unwrap_or(-9999);
        jiff::civil::Date::new(year, part(date.month), part(date.day)).map(Some).map_err(|_range| bad())
    }

    /// A value of the kinds that options have.
    pub(super) fn option(&self, key: &str) -> Result<Option<toml::Value>, Complaint> {
        let Some(value) = self.value(key) else { return Ok(None) };
        plain(value.get_ref()).map(Some).ok_or_else(|| {
            self.wrong(key, value, "a string, a number, `true` or `false`, or a list of strings")
        })
    }

    pub(super) fn is_table(&self, key: &str) -> bool {
        self.value(key).is_some_and(|value| value.get_ref().is_table())
    }
}

fn plain(value: &DeValue<'_>) -> Option<toml::Value> {
    match value {
        DeValue::String(text) => Some(toml::Value::String(text.to_string())),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(toml::Value::Integer)
        }
        DeValue::Boolean(flag) => Some(toml::Value::Boolean(*flag)),
        DeValue::Array(items) => {
            items.iter().map(|item| plain(item.get_ref())).collect::<Option<Vec<_>>>().map(toml::Value::Array)
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// `a`, `b` and `c`.
pub(super) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}
