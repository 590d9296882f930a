//! Where spans go: the header `x-bt-parent` and the attribute `braintrust.parent`.

/// An object that spans are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Parent {
    /// The logs of a project, by id.
    ProjectId(String),
    /// The logs of a project by name, which is made if there is none.
    ProjectName(String),
    /// An experiment, by id.
    ExperimentId(String),
    /// A playground, by id.
    PlaygroundId(String),
}

/// A text that names no object.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "parent {text:?} is not understood; write project_name:<name>, project_id:<id>, \
     experiment_id:<id> or playground_id:<id>"
)]
pub(crate) struct ParentFault {
    text: String,
}

impl Parent {
    /// Reads `kind:value`.
    pub(crate) fn parse(text: &str) -> Result<Self, ParentFault> {
        // As much as is needed to recognize it.
        let fault = || ParentFault { text: text.chars().take(80).collect() };
        let (kind, value) = text.trim().split_once(':').ok_or_else(fault)?;
        let value = value.trim().to_owned();
        if value.is_empty() {
            return Err(fault());
        }
        match kind {
            "project_id" => Ok(Self::ProjectId(value)),
            "project_name" => Ok(Self::ProjectName(value)),
            "experiment_id" => Ok(Self::ExperimentId(value)),
            "playground_id" => Ok(Self::PlaygroundId(value)),
            _ => Err(fault()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_kind_and_value() {
        let read = |text: &str| Parent::parse(text).ok();
        assert_eq!(read("project_name: a:b "), Some(Parent::ProjectName("a:b".into())));
        assert_eq!(read("project_id:p"), Some(Parent::ProjectId("p".into())));
        assert_eq!(read("experiment_id:e"), Some(Parent::ExperimentId("e".into())));
        assert_eq!(read("playground_id:s"), Some(Parent::PlaygroundId("s".into())));
        for bad in ["", "project_name", "project_name:", "project_id: ", "dataset_id:d", "AwEB=="] {
            let error = Parent::parse(bad).expect_err(bad).to_string();
            assert!(error.contains("experiment_id:<id>"), "{error}");
        }
    }
}
