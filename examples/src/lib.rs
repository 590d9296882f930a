//! What the examples share: the language detectors and where the data is.
//!
//! Each example in `examples/` is a program of its own; start with `language_id`.

use std::path::PathBuf;

/// A real language-identification library in one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detector {
    /// The crate `whatlang` on the whole sentence. Its models were trained on translations of
    /// the declaration that the data is cut from, so expect it to do well.
    Whatlang,
    /// `whatlang` on the first 24 characters, as a search box sees them.
    WhatlangShort,
    /// The crate `whichlang`, which knows 16 of the 50 languages.
    Whichlang,
}

/// How much of a sentence [`Detector::WhatlangShort`] sees.
const SHORT_CHARS: usize = 24;

impl Detector {
    /// All detectors, the default first.
    pub const ALL: [Self; 3] = [Self::Whatlang, Self::WhatlangShort, Self::Whichlang];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Whatlang => "whatlang",
            Self::WhatlangShort => "whatlang-24-chars",
            Self::Whichlang => "whichlang",
        }
    }

    /// Returns the ISO 639-3 code of the text's language, or `und` for "undetermined".
    #[must_use]
    pub fn detect(self, text: &str) -> &'static str {
        match self {
            Self::Whatlang => whatlang::detect_lang(text).map_or("und", |lang| lang.code()),
            Self::WhatlangShort => {
                let end = text.char_indices().nth(SHORT_CHARS).map_or(text.len(), |(at, _)| at);
                Self::Whatlang.detect(&text[..end])
            }
            Self::Whichlang => whichlang::detect_language(text).three_letter_code(),
        }
    }
}

/// Where the sentences are; the program may run from any directory.
#[must_use]
pub fn sentences() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data").join("udhr.jsonl")
}
