//! Prompts with places for values.

use serde_json::Value;

use super::{ConfigError, LlmError};

/// A text with places such as `{{output}}` or `{{metadata.language}}`.
///
/// The part of Mustache that prompts need: variables, inserted as they are. Nothing is escaped,
/// because a prompt is not HTML, so `{{{name}}}` and `{{&name}}` mean the same; values are never
/// read as templates again, so an output that contains `{{expected}}` cannot pull something in. A
/// text is inserted as such, any other value as JSON. Sections, partials and comments are faults
/// rather than silently dropped.
///
/// Own code of a page instead of a crate: `handlebars` and `minijinja` are languages with loops,
/// calls and escaping, all of which would have to be switched off.
///
/// ```
/// use serde_json::json;
/// use tidegate_scorers::llm::Template;
///
/// let template = Template::new("Is {{ output }} {{about.what}}?")?;
/// let text = template.render(&json!({"output": "{{x}}", "about": {"what": ["good"]}}))?;
/// assert_eq!(text, r#"Is {{x}} ["good"]?"#);
/// assert!(template.render(&json!({"output": "x"})).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Each place that is not closed, has no name, or is more than a variable.
    pub fn new(source: &str) -> Result<Self, ConfigError> {
        let (mut parts, mut faults) = (Vec::new(), Vec::new());
        let mut rest = source;
        while let Some(start) = rest.find("{{") {
            if start > 0 {
                parts.push(Part::Text(rest[..start].to_owned()));
            }
            let (open, close) =
                if rest[start..].starts_with("{{{") { ("{{{", "}}}") } else { ("{{", "}}") };
            let inside = &rest[start + open.len()..];
            let Some(end) = inside.find(close) else {
                faults.push(format!("{:?} is not closed", excerpt(&rest[start..])));
                rest = "";
                break;
            };
            let name = inside[..end].trim();
            let name = name.strip_prefix('&').unwrap_or(name).trim();
            let is_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
            if name.is_empty() || !name.chars().all(is_name) {
                faults.push(format!("{{{{{}}}}} is not a variable", excerpt(name)));
            }
            parts.push(Part::Variable(name.to_owned()));
            rest = &inside[end + close.len()..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        ConfigError::unless_empty(faults)?;
        Ok(Self { parts })
    }

    /// Inserts the members of an object.
    ///
    /// # Errors
    /// [`LlmError::MissingVariable`] for a place without a value; `null` is a value.
    pub fn render(&self, variables: &Value) -> Result<String, LlmError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Variable(name) => match lookup(variables, name) {
                    Some(Value::String(value)) => text.push_str(value),
                    Some(value) => text.push_str(&value.to_string()),
                    None => return Err(LlmError::MissingVariable { name: name.clone() }),
                },
            }
        }
        Ok(text)
    }

    /// Whether there is a place for a variable.
    #[must_use]
    pub fn mentions(&self, name: &str) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Variable(other) if other == name))
    }
}

/// A member of the whole name wins over a path.
fn lookup<'a>(variables: &'a Value, name: &str) -> Option<&'a Value> {
    variables
        .get(name)
        .or_else(|| name.split('.').try_fold(variables, |value, part| value.get(part)))
}

fn excerpt(text: &str) -> String {
    text.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(source: &str) -> String {
        let variables = json!({"a": "A&<b>", "b": {"c": 1.5}, "d.e": "dotted", "n": null});
        Template::new(source).expect("a template").render(&variables).expect("values")
    }

    #[test]
    fn all_forms_of_a_variable_insert_it_unescaped() {
        assert_eq!(render("{{a}}|{{{a}}}|{{& a }}|{{ a }}"), "A&<b>|A&<b>|A&<b>|A&<b>");
        assert_eq!(render("{{b}} {{b.c}} {{d.e}} {{n}}"), r#"{"c":1.5} 1.5 dotted null"#);
        assert_eq!(render(""), "");
        assert_eq!(render("{ } }} { {a}"), "{ } }} { {a}");
    }

    #[test]
    fn what_is_no_variable_is_a_fault() {
        for bad in ["{{#a}}x{{/a}}", "{{>a}}", "{{!a}}", "{{}}", "{{a", "{{{a}}", "{{a b}}"] {
            assert!(Template::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_missing_value_is_named() {
        let template = Template::new("{{b.x}}").expect("a template");
        let error = template.render(&json!({"b": {}})).expect_err("missing");
        assert!(matches!(error, LlmError::MissingVariable { name } if name == "b.x"));
    }
}
