//! `--filter NAME=REGEX`.

use anyhow::{Context as _, anyhow};
use regex::Regex;
use serde_json::Value;

use super::Case;
use crate::commands::eval::file::reader::did_you_mean;
use crate::exit::Failure;

const ROOTS: [&str; 5] = ["input", "expected", "id", "tags", "metadata"];
const HINT: &str = "write it like tags=short, id=^a or input.lang=de";

/// A value of a case and what it must match.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    root: String,
    path: Vec<String>,
    regex: Regex,
}

/// Reads what was typed.
pub(crate) fn filters(texts: &[String]) -> Result<Vec<Filter>, Failure> {
    texts.iter().map(|text| filter(text)).collect()
}

fn filter(text: &str) -> Result<Filter, Failure> {
    let (name, regex) = text
        .split_once('=')
        .ok_or_else(|| Failure::usage(anyhow!("the filter {text:?} has no ="), HINT))?;
    let mut parts = name.trim().split('.').map(str::to_owned);
    let root = parts.next().unwrap_or_default();
    if !ROOTS.contains(&root.as_str()) {
        let error = anyhow!("the filter {text:?} names {root:?}, which cases do not have");
        let list = format!("cases have {}", ROOTS.join(", "));
        return Err(Failure::usage(error, did_you_mean(&root, ROOTS).unwrap_or(list)));
    }
    let regex = Regex::new(regex).with_context(|| format!("the filter {text:?} has a bad regex"));
    let regex = regex.map_err(|error| {
        // The crate draws the place over several lines.
        let line = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
        Failure::usage(anyhow!(line), "put a backslash before characters with a meaning: . ( [ *")
    })?;
    Ok(Filter { root, path: parts.collect(), regex })
}

impl Filter {
    pub(crate) fn matches(&self, case: &Case) -> bool {
        match self.root.as_str() {
            "input" => self.value(Some(case.input())),
            "expected" => self.value(case.expected_output()),
            "id" => case.case_id().is_some_and(|id| self.regex.is_match(id)),
            "tags" => case.case_tags().iter().any(|tag| self.regex.is_match(tag)),
            _ => match self.path.split_first() {
                None => self.value(Some(&Value::Object(case.case_metadata().clone()))),
                Some((first, rest)) => {
                    let value = case.case_metadata().get(first);
                    self.at(value, rest)
                }
            },
        }
    }

    fn value(&self, value: Option<&Value>) -> bool {
        self.at(value, &self.path)
    }

    fn at(&self, value: Option<&Value>, path: &[String]) -> bool {
        let found = value.and_then(|value| {
            path.iter().try_fold(value, |value, part| match value {
                Value::Array(values) => part.parse().ok().and_then(|at: usize| values.get(at)),
                value => value.get(part),
            })
        });
        match found {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => self.regex.is_match(text),
            // Any element, as for tags.
            Some(Value::Array(values)) => values.iter().any(|value| self.at(Some(value), &[])),
            Some(other) => self.regex.is_match(&other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_found_by_their_path() {
        let case =
            tidegate_eval::Case::new(json!({"q": "Who?", "n": 5, "list": ["a", {"b": "c"}]}))
                .expected(json!("Ada"))
                .id("x-1")
                .tags(["short", "easy"])
                .metadata("topic", &json!({"area": "law"}));
        let matches = |text: &str| filter(text).expect("a filter").matches(&case);
        for right in [
            "input.q=^Who",
            "input.n=^5$",
            "input.list=a",
            "input.list.1.b=c",
            "expected=Ada",
            "id=^x",
            "tags=short",
            "metadata.topic.area=law",
            "input=Who",
            "metadata=law",
            "id=",
        ] {
            assert!(matches(right), "{right}");
        }
        for wrong in ["input.q=^who", "input.z=.", "tags=^hard", "id=^1", "metadata.x=."] {
            assert!(!matches(wrong), "{wrong}");
        }
        for bad in ["tags", "tag=x", "output=x", "id=("] {
            assert!(filter(bad).is_err(), "{bad}");
        }
    }
}
