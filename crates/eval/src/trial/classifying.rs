//! What becomes of the classes that classifiers return.

use std::sync::Arc;

use tidegate_client::Event;

use super::scoring::Grade;
use crate::classification::Classification;
use crate::outcome::CaseResult;

impl Grade for Vec<Classification> {
    const SPAN_TYPE: &'static str = "classifier";

    fn event(&self, _name: &str) -> Event {
        Event::new().output(self)
    }

    fn enter<I, O, E>(
        done: Result<Self, String>,
        name: &Arc<str>,
        result: &mut CaseResult<I, O, E>,
    ) {
        match done {
            // It does not apply.
            Ok(classes) if classes.is_empty() => {}
            Ok(classes) => {
                result.classifications.insert((**name).to_owned(), classes);
            }
            Err(error) => {
                result.classifier_errors.insert((**name).to_owned(), error);
            }
        }
    }
}
