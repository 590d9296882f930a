//! Values of a TOML file with their places, so that every error says `file:line:column`.

use std::ops::{Range, RangeBounds};
use std::time::Duration;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::exit::Failure;

/// How alike a name must be to be offered instead of an unknown one.
const ALIKE: f64 = 0.7;
/// Longest accepted duration: anything longer is a mistake.
const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 3600);

/// A file as its user wrote its path, and its text.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) shown: String,
    pub(crate) text: String,
}

/// Where something stands; line and column start at 1, the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// What is wrong at a place, and what to do.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl Fault {
    pub(crate) fn failure(self) -> Failure {
        Failure::usage(anyhow::Error::msg(self.message), self.hint)
    }
}

impl Source {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    pub(crate) fn fault(
        &self,
        at: Place,
        message: impl std::fmt::Display,
        hint: impl Into<String>,
    ) -> Fault {
        let Place { line, column } = at;
        let message = format!("{}:{line}:{column}: {message}", self.shown);
        Fault { message, hint: hint.into() }
    }

    /// Parses the text, which must be TOML.
    pub(crate) fn parse(&self) -> Result<Spanned<DeTable<'_>>, Fault> {
        DeTable::parse(&self.text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let message = error.message().trim().replace('\n', ", ");
            self.fault(self.place(offset), message, "the file must be TOML: see https://toml.io")
        })
    }

    pub(crate) fn root<'a>(&'a self, parsed: &'a Spanned<DeTable<'a>>) -> Table<'a> {
        let place = Place { line: 1, column: 1 };
        Table { source: self, name: String::new(), entries: parsed.get_ref(), place }
    }
}

/// A table and where it starts.
#[derive(Clone)]
pub(crate) struct Table<'a> {
    pub(crate) source: &'a Source,
    name: String,
    entries: &'a DeTable<'a>,
    pub(crate) place: Place,
}

/// A value and where it stands.
#[derive(Clone)]
pub(crate) struct Item<'a> {
    pub(crate) source: &'a Source,
    /// With the tables around it, as in `task.timeout`.
    pub(crate) name: String,
    /// The last part of the name.
    pub(crate) key: &'a str,
    value: &'a DeValue<'a>,
    pub(crate) place: Place,
    pub(crate) key_place: Place,
}

impl<'a> Table<'a> {
    /// Refuses keys other than these, before anybody asks for one that is missing because it is
    /// misspelt.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Fault> {
        for (key, _) in self.entries {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let what = if self.name.is_empty() { "the file" } else { &self.name };
                let place = self.source.place(key.span().start);
                let hint = did_you_mean(name, known.iter().copied())
                    .unwrap_or_else(|| format!("known are {}", known.join(", ")));
                let message = format!("unknown key {name:?} in {what}");
                return Err(self.source.fault(place, message, hint));
            }
        }
        Ok(())
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let (source, outer) = (self.source, self.name.clone());
        self.entries.iter().map(move |(key, value)| {
            let text: &str = key.get_ref();
            let name = if outer.is_empty() { text.to_owned() } else { format!("{outer}.{text}") };
            Item {
                source,
                name,
                key: text,
                value: value.get_ref(),
                place: source.place(value.span().start),
                key_place: source.place(key.span().start),
            }
        })
    }

    pub(crate) fn get(&self, key: &str) -> Option<Item<'a>> {
        self.items().find(|item| item.key == key)
    }

    pub(crate) fn need(&self, key: &str, hint: &str) -> Result<Item<'a>, Fault> {
        self.get(key).ok_or_else(|| {
            let what = match self.name.as_str() {
                "" => format!("the key {key:?} is missing"),
                name => format!("{name} has no {key:?}"),
            };
            self.source.fault(self.place, what, hint)
        })
    }
}

impl<'a> Item<'a> {
    pub(crate) fn fault(&self, message: impl std::fmt::Display, hint: impl Into<String>) -> Fault {
        self.source.fault(self.place, message, hint)
    }

    fn wrong(&self, wanted: &str) -> Fault {
        let found = match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.fault(
            format!("{} must be {wanted}, not {found}", self.name),
            format!("write {wanted}"),
        )
    }

    pub(crate) fn is_text(&self) -> bool {
        self.value.is_str()
    }

    pub(crate) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// A text that is not empty.
    pub(crate) fn text(&self) -> Result<&'a str, Fault> {
        let text = self.value.as_str().ok_or_else(|| self.wrong("a text"))?;
        if text.trim().is_empty() || text.contains('\0') {
            return Err(self.fault(format!("{} is empty", self.name), "give it a value"));
        }
        Ok(text)
    }

    pub(crate) fn boolean(&self) -> Result<bool, Fault> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    /// An array, each element as an item of its own.
    pub(crate) fn array(&self) -> Result<Vec<Item<'a>>, Fault> {
        let array = self.value.as_array().ok_or_else(|| self.wrong("an array"))?;
        let item = |(index, value): (usize, &'a Spanned<DeValue<'a>>)| {
            let place = self.source.place(value.span().start);
            Item {
                source: self.source,
                name: format!("{}[{index}]", self.name),
                key: self.key,
                value: value.get_ref(),
                place,
                key_place: place,
            }
        };
        Ok(array.iter().enumerate().map(item).collect())
    }

    /// An array of texts, none of them empty.
    pub(crate) fn texts(&self) -> Result<Vec<String>, Fault> {
        self.array()?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    pub(crate) fn table(&self) -> Result<Table<'a>, Fault> {
        let entries = self.value.as_table().ok_or_else(|| self.wrong("a table"))?;
        Ok(Table { source: self.source, name: self.name.clone(), entries, place: self.place })
    }

    pub(crate) fn number(&self) -> Result<f64, Fault> {
        let number = match self.json()? {
            Value::Number(number) => number.as_f64(),
            _ => None,
        };
        number.filter(|number| number.is_finite()).ok_or_else(|| self.wrong("a number"))
    }

    /// A number within a range that `wanted` describes.
    pub(crate) fn number_in(
        &self,
        range: impl RangeBounds<f64>,
        wanted: &str,
    ) -> Result<f64, Fault> {
        let number = self.number()?;
        if !range.contains(&number) {
            let message = format!("{} must be {wanted}, not {number}", self.name);
            return Err(self.fault(message, format!("write {wanted}")));
        }
        Ok(number)
    }

    /// A whole number within a range.
    pub(crate) fn whole(&self, range: Range<u64>) -> Result<u64, Fault> {
        let wanted = match range.end {
            u64::MAX => format!("a whole number of at least {}", range.start),
            end => format!("a whole number from {} to {}", range.start, end - 1),
        };
        if !self.value.is_integer() {
            return Err(self.wrong(&wanted));
        }
        let number = self.json()?.as_u64().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            self.fault(format!("{} must be {wanted}", self.name), format!("write {wanted}"))
        })
    }

    /// `"30s"`, `"500ms"`, `"2m"`, `"1h"`, or a number of seconds; above 0.
    pub(crate) fn duration(&self) -> Result<Duration, Fault> {
        let wanted = "a duration such as \"30s\", \"500ms\" or \"2m\"";
        let seconds = match self.value {
            DeValue::String(text) => seconds(text),
            DeValue::Integer(_) | DeValue::Float(_) => Some(self.number()?),
            _ => return Err(self.wrong(wanted)),
        };
        let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        duration.filter(|duration| !duration.is_zero() && *duration <= MAX_DURATION).ok_or_else(
            || {
                let message = format!("{} must be {wanted}, above 0 and up to 30 days", self.name);
                self.fault(message, format!("write {wanted}"))
            },
        )
    }

    /// One of several words.
    pub(crate) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Fault> {
        let known = || words.iter().map(|(word, _)| *word);
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let list = known().collect::<Vec<_>>().join(", ");
            let hint = did_you_mean(text, known()).unwrap_or(format!("known are {list}"));
            self.fault(format!("{} must be one of {list}, not {text:?}", self.name), hint)
        })
    }

    /// Any value as JSON; dates become texts.
    pub(crate) fn json(&self) -> Result<Value, Fault> {
        let unusable = |what: &str| {
            let message = format!("{} holds {what}, which JSON cannot say", self.name);
            self.fault(message, "use another value, or a text")
        };
        Ok(match self.value {
            DeValue::String(text) => Value::from(text.as_ref()),
            DeValue::Boolean(value) => Value::from(*value),
            DeValue::Datetime(date) => Value::from(date.to_string()),
            DeValue::Integer(integer) => {
                let number = i64::from_str_radix(integer.as_str(), integer.radix());
                Value::from(number.map_err(|_| unusable("a number beyond 64 bits"))?)
            }
            DeValue::Float(float) => {
                let number = float.as_str().parse().ok().and_then(Number::from_f64);
                Value::Number(number.ok_or_else(|| unusable("a number that is not finite"))?)
            }
            DeValue::Array(_) => {
                let items = self.array()?;
                Value::Array(items.iter().map(Item::json).collect::<Result<_, _>>()?)
            }
            DeValue::Table(_) => Value::Object(self.object()?),
        })
    }

    pub(crate) fn object(&self) -> Result<Map<String, Value>, Fault> {
        self.table()?.items().map(|item| Ok((item.key.to_owned(), item.json()?))).collect()
    }
}

/// `did you mean "x"?`, if a known name is close to it.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let scored = known.into_iter().map(|known| (strsim::jaro_winkler(name, known), known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= ALIKE).then(|| format!("did you mean {:?}?", best.1))
}

fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first<T>(text: &str, read: impl Fn(&Item<'_>) -> Result<T, Fault>) -> Result<T, String> {
        let source = Source { shown: "f".to_owned(), text: text.to_owned() };
        let parsed = source.parse().map_err(|fault| fault.message)?;
        let item = source.root(&parsed).items().next().expect("a key");
        read(&item).map_err(|fault| fault.message)
    }

    #[test]
    fn durations_have_units() {
        let read = |value: &str| first(&format!("t = {value}"), |item| item.duration());
        assert_eq!(read("\"1.5s\""), Ok(Duration::from_millis(1500)));
        assert_eq!(read("\"20 ms\""), Ok(Duration::from_millis(20)));
        assert_eq!(read("\"2m\""), Ok(Duration::from_secs(120)));
        assert_eq!(read("3"), Ok(Duration::from_secs(3)));
        for bad in ["\"2\"", "\"s\"", "\"-1s\"", "0", "\"1e9h\"", "true", "\"99999h\""] {
            assert!(
                read(bad).is_err_and(|error| error.contains("f:1:5: t must be a dur")),
                "{bad}"
            );
        }
    }

    #[test]
    fn places_count_characters() {
        let error = first("\n\n\"ä\" = 'é' ?", |item| item.json()).expect_err("no TOML");
        assert!(error.starts_with("f:3:11: "), "{error}");
        let json = first("a = [1, 0x10, 1.5, \"x\", {b = 2020-01-01}]", |item| item.json())
            .expect("right");
        assert_eq!(json, serde_json::json!([1, 16, 1.5, "x", {"b": "2020-01-01"}]));
        assert!(
            first("a = inf", |item| item.json()).is_err_and(|error| error.contains("not finite"))
        );
    }
}
