//! The only place where this program reads its environment, with what `--env-file` adds to it.
//!
//! | Variable | Default | Meaning |
//! |---|---|---|
//! | `OPENAI_API_KEY` | none | key of the model in `tidegate eval`, unless the file names another |
//! | `OPENAI_BASE_URL` | `https://api.openai.com/v1` | its endpoint, unless the file names one |
//! | `TIDEGATE_JUDGE_MODEL` | none | model of scorers that ask one, unless the file names it |
//! | `TIDEGATE_SHARD` | none | `--shard` of `tidegate eval`: `2/8`, or `auto` |
//! | `TIDEGATE_SHARDS` | none | number of shards of an indexed job of Kubernetes, for `auto` |
//! | `PATH` | | where programs are looked for |
//! | `COLUMNS` | the terminal's, else 100 | width of `tidegate timeline` |
//! | `LC_ALL`, `LC_CTYPE`, `LANG` | none | whether it draws with more than ASCII: the first that is set |
//! | `AWS_…` | none | how a bucket is reached; see [`of_buckets`] |
//! | `NO_COLOR`, `CLICOLOR` | none | no colours on a terminal (read by `console`) |
//!
//! The variables of CI services and schedulers that `--shard` reads are in `commands/eval/shard.rs`.
//! Those that say where results go are listed in the documentation of the client. A blank value
//! means unset. Variables of the process win over those of a file.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, anyhow};

use crate::exit::Failure;

/// A file of settings is a few lines; anything larger is not one.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Variables of the process and of files. `Debug` shows no values.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    file: BTreeMap<String, String>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("names", &self.file.keys()).finish_non_exhaustive()
    }
}

impl Environment {
    /// With the lines `NAME=value` of a file.
    pub(crate) fn with_file(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let hint = "name a file of lines NAME=value with --env-file";
        let read = || -> anyhow::Result<String> {
            let bytes = std::fs::metadata(path)?.len();
            anyhow::ensure!(bytes <= MAX_FILE_BYTES, "it is larger than 1 MiB");
            Ok(std::fs::read_to_string(path)?)
        };
        let text = read().with_context(|| format!("cannot read {}", path.display()));
        let text = text.map_err(|error| Failure::usage(error, hint))?;
        let file = parse(&text).map_err(|line| {
            let error = anyhow!("{}:{line}: expected NAME=value", path.display());
            Failure::usage(error, "write one variable per line; # starts a comment")
        })?;
        Ok(Self { file })
    }

    /// The value of a variable; blank means unset.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let set = |value: String| Some(value).filter(|value| !value.trim().is_empty());
        process_variable(name).and_then(set).or_else(|| self.file.get(name).cloned().and_then(set))
    }

    /// What a child gets beside the variables it inherits.
    pub(crate) fn for_children(&self) -> impl Iterator<Item = (&str, &str)> {
        let new = self.file.iter().filter(|(name, _)| process_variable(name).is_none());
        new.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The settings of a bucket: variables `AWS_…` of the process that are not blank.
pub(crate) fn of_buckets() -> Vec<(String, String)> {
    let all = std::env::vars_os();
    let text =
        all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    text.filter(|(name, value)| name.starts_with("AWS_") && !value.trim().is_empty()).collect()
}

#[expect(clippy::disallowed_methods, reason = "the one reader of the process environment")]
fn process_variable(name: &str) -> Option<String> {
    // A value that is not Unicode counts as set, so that a file does not replace it for children.
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// The error is the number of the line that is neither blank, a comment, nor `NAME=value`.
fn parse(text: &str) -> Result<BTreeMap<String, String>, usize> {
    let mut values = BTreeMap::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').ok_or(index + 1)?;
        let name = name.trim();
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '\0') {
            return Err(index + 1);
        }
        let value = unquote(value.trim()).filter(|value| !value.contains('\0'));
        values.insert(name.to_owned(), value.ok_or(index + 1)?.to_owned());
    }
    Ok(values)
}

/// Takes quotes off; outside of quotes ` #` starts a comment. `None` for a quote without its end.
fn unquote(value: &str) -> Option<&str> {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.find(quote).map(|end| &rest[..end]);
        }
    }
    Some(value.split(" #").next().unwrap_or(value).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_quotes_and_comments() {
        let parsed = parse("\u{feff}A=1\n# no\n\nexport B = \"x # y\" # z\nC='' \nD=a=b # c\n");
        let parsed = parsed.expect("right");
        let values: Vec<(&str, &str)> =
            parsed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(values, [("A", "1"), ("B", "x # y"), ("C", ""), ("D", "a=b")]);
        for (bad, line) in [("A=1\nB", 2), ("=1", 1), ("A B=1", 1), ("A=\"x", 1)] {
            assert_eq!(parse(bad), Err(line), "{bad}");
        }
    }
}
