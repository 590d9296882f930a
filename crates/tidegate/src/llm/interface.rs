//! Whose interface a request speaks, and who sells the answer.

/// An interface of a service, as its path tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg(feature = "reqwest-middleware")]
pub(super) enum Interface {
    Chat,
    Completion,
    Responses,
    Embeddings,
    Messages,
    GenerateContent,
}

pub(super) const OPENAI: &str = "openai";
pub(super) const ANTHROPIC: &str = "anthropic";
pub(super) const GOOGLE: &str = "google";

/// Hosts that are known, by the end of their name. Others count as the one whose interface they
/// speak.
#[cfg(feature = "reqwest-middleware")]
const HOSTS: [(&str, &str); 14] = [
    ("api.openai.com", OPENAI),
    ("openai.azure.com", "azure"),
    ("api.anthropic.com", ANTHROPIC),
    ("generativelanguage.googleapis.com", GOOGLE),
    ("aiplatform.googleapis.com", "vertex"),
    ("api.mistral.ai", "mistral"),
    ("api.deepseek.com", "deepseek"),
    ("api.groq.com", "groq"),
    ("api.x.ai", "xai"),
    ("openrouter.ai", "openrouter"),
    ("api.together.xyz", "together"),
    ("api.fireworks.ai", "fireworks"),
    ("api.perplexity.ai", "perplexity"),
    ("api.cerebras.ai", "cerebras"),
];

#[cfg(feature = "reqwest-middleware")]
impl Interface {
    /// By a path, and the model if it is in there; `None` if it is of no language model.
    pub(super) fn of_path(path: &str) -> Option<(Self, Option<&str>)> {
        let path = path.trim_end_matches('/');
        if let Some((before, method)) = path.rsplit_once(':')
            && matches!(method, "generateContent" | "streamGenerateContent")
        {
            let model = before.rsplit('/').next().filter(|model| !model.is_empty());
            return Some((Self::GenerateContent, model));
        }
        let ends = [
            ("/chat/completions", Self::Chat),
            ("/completions", Self::Completion),
            ("/responses", Self::Responses),
            ("/embeddings", Self::Embeddings),
            // OpenAI has other messages, of threads.
            ("/v1/messages", Self::Messages),
        ];
        let found = ends.into_iter().find(|(end, _)| path.ends_with(end));
        found.map(|(_, interface)| (interface, None))
    }

    /// What a call's span is named, as Braintrust's SDKs do.
    pub(super) fn span_name(self) -> &'static str {
        match self {
            Self::Chat => "Chat Completion",
            Self::Completion => "Completion",
            Self::Responses => "openai.responses.create",
            Self::Embeddings => "Embedding",
            Self::Messages => "anthropic.messages.create",
            Self::GenerateContent => "generate_content",
        }
    }

    /// Who sells what a host answers.
    pub(super) fn provider(self, host: &str) -> &'static str {
        let is = |end: &str| {
            // Regions stand before a dot or a hyphen: `us-east1-aiplatform.googleapis.com`.
            let before = host.strip_suffix(end);
            before.is_some_and(|before| before.is_empty() || before.ends_with(['.', '-']))
        };
        let known = HOSTS.into_iter().find(|(end, _)| is(end));
        known.map_or_else(|| self.owner(), |(_, provider)| provider)
    }

    fn owner(self) -> &'static str {
        match self {
            Self::Messages => ANTHROPIC,
            Self::GenerateContent => GOOGLE,
            _ => OPENAI,
        }
    }
}

#[cfg(all(test, feature = "reqwest-middleware"))]
mod tests {
    use super::*;

    #[test]
    fn paths_of_each_service_and_of_none() {
        let google = "/v1beta/models/gemini-2.5-flash";
        let vertex = "/v1/projects/p/locations/l/publishers/google/models/gemini-3";
        for (path, expected) in [
            ("/v1/chat/completions/", Some((Interface::Chat, None))),
            ("/openai/deployments/d/chat/completions", Some((Interface::Chat, None))),
            ("/v1/completions", Some((Interface::Completion, None))),
            ("/v1/responses", Some((Interface::Responses, None))),
            ("/v1/messages", Some((Interface::Messages, None))),
            ("/v1/threads/t/messages", None),
            ("/v1/models", None),
            ("/:generateContent", Some((Interface::GenerateContent, None))),
            (&format!("{google}:countTokens"), None),
            (
                &format!("{google}:generateContent"),
                Some((Interface::GenerateContent, Some("gemini-2.5-flash"))),
            ),
            (
                &format!("{vertex}:streamGenerateContent"),
                Some((Interface::GenerateContent, Some("gemini-3"))),
            ),
        ] {
            assert_eq!(Interface::of_path(path), expected, "{path}");
        }
    }

    #[test]
    fn a_known_host_sells_and_any_other_counts_as_the_owner_of_the_interface() {
        let chat = Interface::Chat;
        for (host, provider) in [
            ("api.openai.com", "openai"),
            ("my.openai.azure.com", "azure"),
            ("openrouter.ai", "openrouter"),
            ("notopenrouter.ai", "openai"),
            ("us-east1-aiplatform.googleapis.com", "vertex"),
            ("127.0.0.1", "openai"),
        ] {
            assert_eq!(chat.provider(host), provider, "{host}");
        }
        assert_eq!(Interface::Messages.provider("localhost"), "anthropic");
        assert_eq!(Interface::GenerateContent.provider("localhost"), "google");
    }
}
