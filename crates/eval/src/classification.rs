//! Classifiers: from an output to classes instead of a number.

use std::fmt::Display;
use std::future::Future;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json;
use crate::scorer::{BoxScorer, ScorerArgs, SharedArgs};

/// A class that an output belongs to.
///
/// Serializes as `{id, label?, metadata?}`, which is also how it is recorded.
///
/// ```
/// use tidegate_eval::Classification;
///
/// let class = Classification::new("billing").label("About an invoice").metadata("sure", &0.9);
/// assert_eq!(class.id(), "billing");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    metadata: Map<String, Value>,
}

impl Classification {
    /// Names the class; what is counted. It must not be empty.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), label: None, metadata: Map::new() }
    }

    /// Sets what people see instead of the id.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds one member of metadata, such as a rationale.
    #[must_use]
    pub fn metadata<T: Serialize + ?Sized>(mut self, name: impl Into<String>, value: &T) -> Self {
        self.metadata.insert(name.into(), json::value(value));
        self
    }

    /// The class.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// What a classifier may return: the id of a class (a text), a [`Classification`], `None` (it does
/// not apply), several of those in a `Vec`, or a `Result` of any.
pub trait IntoClassification {
    /// Converts.
    ///
    /// # Errors
    /// The text of a failed classifier; it is recorded, and the case goes on.
    fn into_classification(self) -> Result<Vec<Classification>, String>;
}

impl IntoClassification for Classification {
    fn into_classification(self) -> Result<Vec<Classification>, String> {
        Ok(vec![self])
    }
}

impl IntoClassification for String {
    fn into_classification(self) -> Result<Vec<Classification>, String> {
        Ok(vec![Classification::new(self)])
    }
}

impl IntoClassification for &str {
    fn into_classification(self) -> Result<Vec<Classification>, String> {
        Ok(vec![Classification::new(self)])
    }
}

impl<C: IntoClassification> IntoClassification for Option<C> {
    fn into_classification(self) -> Result<Vec<Classification>, String> {
        self.map_or_else(|| Ok(Vec::new()), C::into_classification)
    }
}

impl<C: IntoClassification> IntoClassification for Vec<C> {
    fn into_classification(self) -> Result<Vec<Classification>, String> {
        let mut all = Vec::new();
        for one in self {
            all.extend(one.into_classification()?);
        }
        Ok(all)
    }
}

impl<C: IntoClassification, X: Display> IntoClassification for Result<C, X> {
    fn into_classification(self) -> Result<Vec<Classification>, String> {
        self.map_err(|error| format!("{error:#}"))?.into_classification()
    }
}

/// A classifier with its types erased.
pub(crate) type BoxClassifier<I, O, E> = BoxScorer<I, O, E, Vec<Classification>>;

impl<I, O, E> BoxClassifier<I, O, E>
where
    I: Send + Sync + 'static,
    O: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    pub(crate) fn classifying<C: IntoClassification>(
        name: String,
        classifier: impl Fn(ScorerArgs<'_, I, O, E>) -> C + Send + Sync + 'static,
    ) -> Self {
        Self::direct(name, move |args| checked(classifier(args)))
    }

    pub(crate) fn classifying_async<C, F, Fut>(name: String, classifier: F) -> Self
    where
        C: IntoClassification,
        F: FnOnce(SharedArgs<I, O, E>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = C> + Send + 'static,
    {
        Self::boxed(name, move |args| {
            let classifier = classifier.clone();
            Box::pin(async move { checked(classifier(args).await) })
        })
    }
}

/// Classes are counted by their ids, so there must be one, and none twice.
fn checked(classes: impl IntoClassification) -> Result<Vec<Classification>, String> {
    let classes = classes.into_classification()?;
    for (index, class) in classes.iter().enumerate() {
        if class.id.is_empty() {
            return Err("a class has no id".to_owned());
        }
        if classes[..index].iter().any(|other| other.id == class.id) {
            return Err(format!("the class {:?} is there twice", class.id));
        }
    }
    Ok(classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_need_an_id_of_their_own() {
        let ids = |classes: Result<Vec<Classification>, String>| {
            classes.map(|classes| classes.into_iter().map(|class| class.id).collect::<Vec<_>>())
        };
        assert_eq!(ids(checked("a")), Ok(vec!["a".to_owned()]));
        assert_eq!(
            ids(checked(vec![Some("a"), None, Some("b")])),
            Ok(vec!["a".into(), "b".into()])
        );
        assert_eq!(ids(checked(None::<String>)), Ok(vec![]));
        assert_eq!(ids(checked("")), Err("a class has no id".to_owned()));
        assert_eq!(ids(checked(vec!["a", "a"])), Err("the class \"a\" is there twice".to_owned()));
        assert_eq!(ids(checked(Err::<&str, _>("no"))), Err("no".to_owned()));
    }

    #[test]
    fn what_is_recorded_has_no_empty_members() {
        let plain = serde_json::to_value(Classification::new("a")).expect("serializes");
        assert_eq!(plain, serde_json::json!({"id": "a"}));
        let whole = Classification::new("a").label("A").metadata("why", &"looks so");
        let whole = serde_json::to_value(whole).expect("serializes");
        let wanted = serde_json::json!({"id": "a", "label": "A", "metadata": {"why": "looks so"}});
        assert_eq!(whole, wanted);
    }
}
