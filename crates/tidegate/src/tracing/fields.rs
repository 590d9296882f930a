//! Fields of a span on their way into a row.

use std::borrow::Cow;

use tidegate_client::Event;

use super::conventions::{self, COMPLETION_TOKENS, PROMPT_TOKENS, Place, TOKENS};
use super::value::{Object, Value};

/// Sorts fields them by their places.
#[derive(Debug, Default)]
pub(super) struct Fields {
    event: Event,
    metadata: Vec<(&'static str, Value)>,
    name: Option<String>,
    span_type: Option<Cow<'static, str>>,
    /// Whether the type was named and not derived.
    type_is_given: bool,
    is_error: bool,
    status_message: Option<String>,
    tokens: Tokens,
}

/// What fields come to.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    pub(super) event: Event,
    /// Replaces the name.
    pub(super) name: Option<String>,
    pub(super) span_type: Option<Cow<'static, str>>,
    pub(super) tokens: Tokens,
}

/// Counts of tokens, for their sum.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Tokens {
    prompt: Option<f64>,
    completion: Option<f64>,
    /// Whether the sum was given.
    has_sum: bool,
}

impl Tokens {
    /// Takes in later counts, and gives the sum if these have changed it.
    pub(super) fn add(&mut self, later: Self) -> Option<f64> {
        self.has_sum |= later.has_sum;
        if later.prompt.is_none() && later.completion.is_none() {
            return None;
        }
        self.prompt = later.prompt.or(self.prompt);
        self.completion = later.completion.or(self.completion);
        if self.has_sum { None } else { Some(self.prompt? + self.completion?) }
    }
}

impl Fields {
    pub(super) fn put(&mut self, name: &'static str, value: Value) {
        match conventions::place(name) {
            Place::Member(member) => self.change(|event| event.field(member, &value.parsed())),
            Place::Error => self.error(value),
            Place::Name => self.name = Some(value.into_text()),
            Place::SpanType => {
                self.span_type = Some(value.into_text().into());
                self.type_is_given = true;
            }
            Place::Operation => {
                let operation = value.into_text();
                if !self.type_is_given {
                    self.span_type = conventions::span_type(&operation).map(Into::into);
                }
                self.metadata("operation", Value::Text(operation));
            }
            Place::StatusCode => {
                let code = value.into_text();
                self.is_error = code.eq_ignore_ascii_case("error");
            }
            Place::StatusMessage => self.status_message = Some(value.into_text()),
            Place::Metric(metric) => match value.number() {
                Some(number) => self.metric(metric, number),
                None => self.metadata(name, value),
            },
            Place::Score(score) => match value.number() {
                Some(number) => self.change(|event| event.score(score, number)),
                None => self.metadata(name, value),
            },
            Place::Metadata(name) => self.metadata(name, value),
        }
    }

    fn change(&mut self, change: impl FnOnce(Event) -> Event) {
        self.event = change(std::mem::take(&mut self.event));
    }

    fn error(&mut self, value: Value) {
        // What says that there was none.
        if !matches!(value, Value::Bool(false)) {
            let text = value.into_text();
            self.change(|event| event.error(&text));
        }
    }

    fn metric(&mut self, name: &'static str, number: f64) {
        match name {
            PROMPT_TOKENS => self.tokens.prompt = Some(number),
            COMPLETION_TOKENS => self.tokens.completion = Some(number),
            TOKENS => self.tokens.has_sum = true,
            _ => {}
        }
        self.change(|event| event.metric(name, number));
    }

    fn metadata(&mut self, name: &'static str, value: Value) {
        match self.metadata.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.metadata.push((name, value)),
        }
    }

    /// What the fields come to.
    pub(super) fn finish(mut self) -> Mapped {
        if self.is_error {
            let text = self.status_message.take().unwrap_or_else(|| "ERROR".to_owned());
            self.change(|event| event.error(&text));
        }
        if !self.metadata.is_empty() {
            let metadata = std::mem::take(&mut self.metadata);
            self.change(|event| event.metadata(&Object(&metadata)));
        }
        let Self { event, name, span_type, tokens, .. } = self;
        Mapped { event, name, span_type, tokens }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_tokens_follows_its_parts_unless_it_is_given() {
        let prompt = Tokens { prompt: Some(3.0), ..Tokens::default() };
        let completion = Tokens { completion: Some(4.0), ..Tokens::default() };
        let mut tokens = Tokens::default();
        assert_eq!(tokens.add(prompt), None);
        assert_eq!(tokens.add(Tokens::default()), None);
        assert_eq!(tokens.add(completion), Some(7.0));
        assert_eq!(tokens.add(Tokens { has_sum: true, ..Tokens::default() }), None);
        assert_eq!(tokens.add(prompt), None);
    }
}
