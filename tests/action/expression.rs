//! The expressions of a workflow that the action uses, evaluated as a runner does. What
//! is not known here fails the test: it would be another thing on a runner.

use std::collections::BTreeMap;

/// What expressions are about.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// `inputs.project`, `github.event_name`, `steps.run.outputs.exit-code`.
    pub(crate) values: BTreeMap<String, String>,
    /// Steps that have had their turn, so that an output that is not set is empty.
    pub(crate) steps: Vec<String>,
    /// A step before this one failed.
    pub(crate) failed: bool,
}

/// A value; the action needs no numbers.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Truth(bool),
}

impl Value {
    fn holds(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::Truth(truth) => *truth,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Truth(truth) => truth.to_string(),
        }
    }
}

impl Context {
    /// Whether a step with this `if` is run. Without a word about failures it is run
    /// only where nothing failed.
    pub(crate) fn lets(&self, condition: Option<&str>) -> bool {
        let condition = condition.unwrap_or("success()").trim();
        let condition =
            condition.strip_prefix("${{").and_then(|it| it.strip_suffix("}}")).unwrap_or(condition);
        let asks =
            ["always()", "failure()", "success()", "cancelled()"].iter().any(|it| condition.contains(it));
        self.evaluate(condition).holds() && (asks || !self.failed)
    }

    /// A text with its `${{ … }}` filled in.
    pub(crate) fn filled(&self, text: &str) -> String {
        let Some((before, rest)) = text.split_once("${{") else { return text.to_owned() };
        let (expression, rest) = rest.split_once("}}").unwrap();
        format!("{before}{}{}", self.evaluate(expression).text(), self.filled(rest))
    }

    fn evaluate(&self, text: &str) -> Value {
        let words = words(text);
        let mut words = words.iter().map(String::as_str).peekable();
        let value = self.either(&mut words);
        assert_eq!(words.next(), None, "`{text}` goes on");
        value
    }

    fn either<'a>(&self, words: &mut Words<'a, impl Iterator<Item = &'a str>>) -> Value {
        let mut value = self.both(words);
        while words.next_if_eq(&"||").is_some() {
            let other = self.both(words);
            value = if value.holds() { value } else { other };
        }
        value
    }

    fn both<'a>(&self, words: &mut Words<'a, impl Iterator<Item = &'a str>>) -> Value {
        let mut value = self.compared(words);
        while words.next_if_eq(&"&&").is_some() {
            let other = self.compared(words);
            value = if value.holds() { other } else { value };
        }
        value
    }

    fn compared<'a>(&self, words: &mut Words<'a, impl Iterator<Item = &'a str>>) -> Value {
        let value = self.single(words);
        if words.next_if_eq(&"==").is_some() {
            return Value::Truth(same(&value, &self.single(words)));
        }
        if words.next_if_eq(&"!=").is_some() {
            return Value::Truth(!same(&value, &self.single(words)));
        }
        value
    }

    fn single<'a>(&self, words: &mut Words<'a, impl Iterator<Item = &'a str>>) -> Value {
        let word = words.next().unwrap();
        if let Some(text) = word.strip_prefix('\'') {
            return Value::Text(text.strip_suffix('\'').unwrap().to_owned());
        }
        match word {
            "!" => Value::Truth(!self.single(words).holds()),
            "always()" => Value::Truth(true),
            "success()" => Value::Truth(!self.failed),
            "failure()" => Value::Truth(self.failed),
            path => Value::Text(self.value(path)),
        }
    }

    fn value(&self, path: &str) -> String {
        if let Some(value) = self.values.get(path) {
            return value.clone();
        }
        let step = path.strip_prefix("steps.").and_then(|rest| rest.split_once(".outputs."));
        assert!(
            step.is_some_and(|(id, _)| self.steps.iter().any(|known| known == id)),
            "`{path}` is not known to the runner of this test"
        );
        String::new()
    }
}

type Words<'a, I> = std::iter::Peekable<I>;

/// A runner compares texts without their case.
fn same(left: &Value, right: &Value) -> bool {
    left.text().eq_ignore_ascii_case(&right.text())
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let length = if let Some(text) = rest.strip_prefix('\'') {
            text.find('\'').unwrap() + 2
        } else if ["&&", "||", "==", "!="].iter().any(|it| rest.starts_with(it)) {
            2
        } else if rest.starts_with('!') {
            1
        } else {
            let part = |c: char| c.is_ascii_alphanumeric() || "._-()".contains(c);
            rest.find(|c| !part(c)).unwrap_or(rest.len())
        };
        assert!(length > 0, "`{rest}` is no word of an expression that is known here");
        words.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    words
}

fn known() -> Context {
    let values = [("inputs.cache", "true"), ("inputs.binary", ""), ("steps.run.outcome", "skipped")];
    Context {
        values: values.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        steps: vec!["run".to_owned()],
        failed: false,
    }
}

#[test]
fn conditions_are_as_a_runner_takes_them() {
    for (condition, succeeded, failed) in [
        ("inputs.cache == 'true' && inputs.binary == ''", true, false),
        ("always() && inputs.cache == 'TRUE'", true, true),
        ("always() && steps.run.outcome != 'skipped'", false, false),
        ("inputs.binary || inputs.cache", true, false),
        ("${{ !inputs.binary }}", true, false),
        ("failure()", false, true),
        ("always() && steps.run.outputs.exit-code != ''", false, false),
    ] {
        assert_eq!(known().lets(Some(condition)), succeeded, "{condition}");
        assert_eq!(Context { failed: true, ..known() }.lets(Some(condition)), failed, "{condition}");
    }
    assert_eq!(known().filled("a ${{ inputs.cache }} b ${{ inputs.binary }}."), "a true b .");
}

#[test]
#[should_panic(expected = "`inputs.other` is not known")]
fn what_is_not_known_fails() {
    known().lets(Some("inputs.other == ''"));
}

#[test]
#[should_panic(expected = "`steps.none.outputs.a` is not known")]
fn an_output_of_a_step_that_had_no_turn_is_not_known() {
    known().filled("${{ steps.none.outputs.a }}");
}
