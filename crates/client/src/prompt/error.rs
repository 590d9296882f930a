//! Why a prompt cannot be built.

use crate::template::TemplateError;

/// A prompt that does not become a request with these variables.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Neither the prompt nor the defaults name a model.
    #[error("the prompt names no model")]
    NoModel,
    /// There is nothing to say.
    #[error("the prompt is empty")]
    Empty,
    /// The variables are no JSON.
    #[error("the variables do not serialize")]
    Variables(#[source] serde_json::Error),
    /// A variable is not given, which only [`BuildOptions::strict`](crate::BuildOptions::strict)
    /// minds.
    #[error("{place}: no variable {name:?}")]
    Missing {
        /// Where in the prompt, such as `messages[0].content`.
        place: String,
        /// The variable, as it is written there.
        name: String,
    },
    /// A text is no template, or renders too much.
    #[error("{place}: not a template that can be rendered")]
    Template {
        /// Where in the prompt.
        place: String,
        /// What is wrong with it.
        source: TemplateError,
    },
    /// The texts are templates of another kind.
    #[error("templates of the format {name:?} are not supported")]
    Format {
        /// As the prompt has it.
        name: String,
    },
    /// A part of the prompt is not what the protocol says.
    #[error("{place}: expected {expected}")]
    Shape {
        /// Where in the prompt.
        place: String,
        /// What should be there.
        expected: &'static str,
    },
    /// The tools are no JSON once the variables are filled in.
    #[error("tools: not JSON with these variables")]
    Tools(#[source] serde_json::Error),
    /// An attachment stands where a model needs its bytes or an address.
    #[error("{place}: the attachment {filename:?} is only a reference")]
    Attachment {
        /// Where in the prompt.
        place: String,
        /// Name of the file.
        filename: String,
    },
    /// Messages were given to add to a prompt that has none.
    #[error("a completion prompt takes no further messages")]
    Completion,
}

impl BuildError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoModel => "choose one in the prompt, or with LoadPrompt::defaults",
            Self::Empty => "write its messages on the server first",
            Self::Variables(_) => "give values that serde_json can write",
            Self::Missing { .. } => "give the variable, or build without strict",
            Self::Template { .. } | Self::Shape { .. } | Self::Tools(_) => {
                "correct the prompt on the server"
            }
            Self::Format { .. } => "use \"mustache\" or \"none\" as its template_format",
            Self::Attachment { .. } => {
                "give an https or data URL as the variable instead of the reference"
            }
            Self::Completion => "build it without BuildOptions::messages",
        }
    }
}
