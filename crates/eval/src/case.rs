//! Cases: what the task is run on.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::data::DataError;
use crate::json;

/// One input, what is expected for it, and labels.
///
/// ```
/// use tidegate_eval::Case;
///
/// let case = Case::new("Alle Menschen sind frei.")
///     .expected("deu")
///     .id("deu-1")
///     .tags(["short"])
///     .metadata("script", &"Latn");
/// assert_eq!(case.input(), &"Alle Menschen sind frei.");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Case<I, E = ()> {
    pub(crate) input: I,
    pub(crate) expected: Option<E>,
    pub(crate) id: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) trials: Option<u32>,
    pub(crate) origin: Option<Value>,
}

impl<I> Case<I> {
    /// Makes a case without an expected output.
    pub fn new(input: I) -> Self {
        Self {
            input,
            expected: None,
            id: None,
            tags: Vec::new(),
            metadata: Map::new(),
            trials: None,
            origin: None,
        }
    }
}

impl<I, E> Case<I, E> {
    /// Sets the expected output.
    #[must_use]
    pub fn expected<X>(self, expected: X) -> Case<I, X> {
        self.maybe_expected(Some(expected))
    }

    /// Sets the expected output if there is one, for data in which some cases have none.
    #[must_use]
    pub fn maybe_expected<X>(self, expected: Option<X>) -> Case<I, X> {
        let Self { input, expected: _, id, tags, metadata, trials, origin } = self;
        Case { input, expected, id, tags, metadata, trials, origin }
    }

    /// Names the case. It is recorded as `metadata.case_id`, so that a result can be traced back
    /// to the data; nothing depends on it being unique.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Adds tags, each kept once.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        for tag in tags {
            let tag = tag.into();
            if !self.tags.contains(&tag) {
                self.tags.push(tag);
            }
        }
        self
    }

    /// Sets one member of the metadata; a value that cannot be serialized becomes a text that
    /// says so.
    #[must_use]
    pub fn metadata<T: Serialize + ?Sized>(mut self, name: impl Into<String>, value: &T) -> Self {
        self.metadata.insert(name.into(), json::value(value));
        self
    }

    /// Runs this case as often as this, whatever [`Eval::trials`](crate::Eval::trials) says; at
    /// least once.
    #[must_use]
    pub fn trials(mut self, trials: u32) -> Self {
        self.trials = Some(trials.max(1));
        self
    }

    /// Sets which dataset row the case came from, as the protocol's `origin` object.
    #[must_use]
    pub fn origin(mut self, origin: Value) -> Self {
        self.origin = Some(origin);
        self
    }

    /// The input.
    pub fn input(&self) -> &I {
        &self.input
    }

    /// The expected output.
    pub fn expected_output(&self) -> Option<&E> {
        self.expected.as_ref()
    }

    /// The name given by [`Case::id`].
    pub fn case_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The tags given by [`Case::tags`].
    pub fn case_tags(&self) -> &[String] {
        &self.tags
    }

    /// The metadata given by [`Case::metadata`].
    pub fn case_metadata(&self) -> &Map<String, Value> {
        &self.metadata
    }
}

/// What a data source may yield: a case, or a case or the reason why there is none.
pub trait IntoCase {
    /// Type of the input.
    type Input;
    /// Type of the expected output.
    type Expected;

    /// Converts.
    ///
    /// # Errors
    /// [`DataError`] ends the run; see [`Eval::data`](crate::Eval::data).
    fn into_case(self) -> Result<Case<Self::Input, Self::Expected>, DataError>;
}

impl<I, E> IntoCase for Case<I, E> {
    type Input = I;
    type Expected = E;

    fn into_case(self) -> Result<Self, DataError> {
        Ok(self)
    }
}

impl<I, E, X: Into<DataError>> IntoCase for Result<Case<I, E>, X> {
    type Input = I;
    type Expected = E;

    fn into_case(self) -> Result<Case<I, E>, DataError> {
        self.map_err(Into::into)
    }
}
