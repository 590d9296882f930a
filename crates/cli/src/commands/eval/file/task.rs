//! `[task]`: a program, an HTTP endpoint or a chat model; programs that score are the same.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use tidegate_scorers::llm::Template;

use super::Axis;
use super::reader::{Fault, Item, Place, Source, Table};

/// How long one call may take by default: long for a model, short for one that hangs.
const TIMEOUT: Duration = Duration::from_secs(60);
const RETRIES: u32 = 2;
/// A prompt is text for a model; anything larger is another file by mistake.
const MAX_PROMPT_BYTES: u64 = 4 << 20;
const COMMON: [&str; 3] = ["timeout", "retries", "version"];
const PROMPT_FILES: [&str; 3] = [".txt", ".md", ".prompt"];

#[derive(Debug, Clone)]
pub(crate) enum Task {
    Program(Program, u32),
    Http(Http, u32),
    Chat(Chat),
}

/// A program that reads JSON and prints JSON or text.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) command: Vec<String>,
    pub(crate) place: Place,
    pub(crate) mode: Mode,
    pub(crate) stdin: Stdin,
    pub(crate) format: Format,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A process per case.
    Process,
    /// Processes that live on and answer line by line.
    Worker,
}

/// What a program gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stdin {
    /// The case as one line of JSON.
    Json,
    /// The input alone: a text as it is, anything else as JSON.
    Input,
}

/// How to read what a program prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON if it is some, else text.
    Auto,
    Json,
    Text,
    /// `{"output": ...}` or `{"error": ...}`, with metadata and metrics.
    Envelope,
}

#[derive(Debug, Clone)]
pub(crate) struct Http {
    pub(crate) url: String,
    pub(crate) place: Place,
    pub(crate) method: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Header, variable, and where it is named.
    pub(crate) headers_from_env: Vec<(String, String, Place)>,
    pub(crate) query: Vec<(String, Value)>,
    pub(crate) body: Option<Value>,
    pub(crate) output: Option<String>,
    pub(crate) timeout: Duration,
}

#[derive(Debug, Clone)]
pub(crate) struct Chat {
    pub(crate) place: Place,
    pub(crate) model: Option<String>,
    pub(crate) system: Option<Prompt>,
    pub(crate) prompt: Option<Prompt>,
    pub(crate) base_url: Option<String>,
    pub(crate) api_key_env: Option<(String, Place)>,
    pub(crate) temperature: Option<f64>,
    pub(crate) max_tokens: Option<u32>,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
}

/// A template, and the file it came from.
#[derive(Debug, Clone)]
pub(crate) struct Prompt {
    pub(crate) template: Template,
    pub(crate) file: Option<PathBuf>,
}

pub(crate) fn read(table: &Table<'_>, directory: &Path) -> Result<Task, Fault> {
    let program = ["command", "mode", "stdin", "format", "env"];
    let http = ["url", "method", "headers", "headers_from_env", "query", "body", "output"];
    let chat =
        ["model", "system", "prompt", "base_url", "api_key_env", "temperature", "max_tokens"];
    let retries = || -> Result<u32, Fault> {
        let retries = table.get("retries").map(|item| item.whole(0..101)).transpose()?;
        Ok(retries.and_then(|retries| u32::try_from(retries).ok()).unwrap_or(RETRIES))
    };
    let only = |keys: &[&str]| table.only(&[keys, &COMMON].concat());
    table.get("version").map(|item| item.text()).transpose()?;
    let has = |key: &str| table.get(key).is_some();
    let kinds: Vec<&str> = ["command", "url"].into_iter().filter(|key| has(key)).collect();
    if kinds.len() > 1 {
        let message = "the task has both a command and a url";
        return Err(table.source.fault(table.place, message, "keep one of them"));
    }
    match kinds.first() {
        Some(&"command") => {
            only(&program)?;
            let program = Program { stdin: stdin(table)?, ..self::program(table)? };
            Ok(Task::Program(program, retries()?))
        }
        Some(_) => {
            only(&http)?;
            Ok(Task::Http(self::http(table)?, retries()?))
        }
        None if chat.iter().any(|key| has(key)) => {
            only(&chat)?;
            Ok(Task::Chat(self::chat(table, directory, retries()?)?))
        }
        None => {
            table.only(&[&program[..], &http, &chat, &COMMON].concat())?;
            let hint = "give it a command (a program), a url (HTTP) or a prompt (a chat model)";
            Err(table.source.fault(table.place, "the task does not say what to run", hint))
        }
    }
}

fn timeout(table: &Table<'_>) -> Result<Duration, Fault> {
    Ok(table.get("timeout").map(|item| item.duration()).transpose()?.unwrap_or(TIMEOUT))
}

fn stdin(table: &Table<'_>) -> Result<Stdin, Fault> {
    let Some(item) = table.get("stdin") else { return Ok(Stdin::Json) };
    let stdin = item.one_of(&[("json", Stdin::Json), ("input", Stdin::Input)])?;
    let is_worker = table.get("mode").is_some_and(|mode| mode.text().is_ok_and(|m| m == "worker"));
    if stdin == Stdin::Input && is_worker {
        let message = "a worker gets lines of JSON, so its stdin is not the input alone";
        return Err(item.fault(message, "leave stdin out"));
    }
    Ok(stdin)
}

/// The keys of a program, for tasks and scorers; whoever calls has checked for unknown ones.
pub(super) fn program(table: &Table<'_>) -> Result<Program, Fault> {
    let item = table.need("command", "name the program and its arguments")?;
    let command = item.texts()?;
    if command.is_empty() {
        let hint = "name the program and its arguments, as in [\"python3\", \"task.py\"]";
        return Err(item.fault(format!("{} is empty", item.name), hint));
    }
    let modes = [("process", Mode::Process), ("worker", Mode::Worker)];
    let mode = table.get("mode").map(|item| item.one_of(&modes)).transpose()?;
    let mode = mode.unwrap_or(Mode::Process);
    let formats = [
        ("auto", Format::Auto),
        ("json", Format::Json),
        ("text", Format::Text),
        ("envelope", Format::Envelope),
    ];
    let format = match table.get("format") {
        None if mode == Mode::Worker => Format::Envelope,
        None => Format::Auto,
        Some(item) => {
            let format = item.one_of(&formats)?;
            if mode == Mode::Worker && matches!(format, Format::Auto | Format::Text) {
                let message = "a worker answers in lines of JSON, so its format is not text";
                return Err(item.fault(message, "use \"envelope\" or \"json\""));
            }
            format
        }
    };
    let mut env = Vec::new();
    if let Some(item) = table.get("env") {
        for variable in item.table()?.items() {
            if variable.key.is_empty() || variable.key.contains(['=', '\0']) {
                let message = format!("{:?} is no name of a variable", variable.key);
                return Err(variable.fault(message, "names have no = in them"));
            }
            let value = match variable.json()? {
                Value::String(text) if !text.contains('\0') => text,
                Value::Number(number) => number.to_string(),
                _ => return Err(variable.fault("a variable must be a text", "write a text")),
            };
            env.push((variable.key.to_owned(), value));
        }
    }
    let place = item.place;
    Ok(Program { command, place, mode, stdin: Stdin::Json, format, env, timeout: timeout(table)? })
}

fn http(table: &Table<'_>) -> Result<Http, Fault> {
    let item = table.need("url", "name the endpoint")?;
    let url = item.text()?.trim().to_owned();
    let parsed = reqwest::Url::parse(&url).ok();
    if !parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        return Err(item.fault("the url must be http or https", "write it like http://host/path"));
    }
    let methods: Vec<(&str, &str)> =
        ["POST", "GET", "PUT", "PATCH", "DELETE"].iter().map(|method| (*method, *method)).collect();
    let method = table.get("method").map(|item| item.one_of(&methods)).transpose()?;
    let pairs = |key: &str| -> Result<Vec<Item<'_>>, Fault> {
        Ok(match table.get(key) {
            Some(item) => item.table()?.items().collect(),
            None => Vec::new(),
        })
    };
    let header = |item: &Item<'_>| -> Result<(String, String), Fault> {
        let text = item.text()?;
        let name = reqwest::header::HeaderName::from_bytes(item.key.as_bytes());
        if name.is_err() || reqwest::header::HeaderValue::from_str(text).is_err() {
            let message = format!("{} is no header", item.name);
            return Err(item.fault(message, "names are ASCII, values have no line ends"));
        }
        Ok((item.key.to_owned(), text.to_owned()))
    };
    let headers = pairs("headers")?.iter().map(header).collect::<Result<_, _>>()?;
    let from_env = pairs("headers_from_env")?;
    let from_env = from_env.iter().map(|item| {
        let (name, variable) = header(item)?;
        Ok((name, variable, item.place))
    });
    let query = pairs("query")?;
    let query =
        query.iter().map(|item| template_value(item).map(|value| (item.key.to_owned(), value)));
    let output = table.get("output").map(|item| pointer(&item)).transpose()?;
    let body = table.get("body").map(|item| template_value(&item)).transpose()?;
    Ok(Http {
        url,
        place: item.place,
        method: method.unwrap_or("POST").to_owned(),
        headers,
        headers_from_env: from_env.collect::<Result<_, _>>()?,
        query: query.collect::<Result<_, _>>()?,
        body,
        output,
        timeout: timeout(table)?,
    })
}

/// A JSON value whose texts may hold places such as `{{input}}`.
fn template_value(item: &Item<'_>) -> Result<Value, Fault> {
    fn check(value: &Value) -> Result<(), String> {
        match value {
            Value::String(text) => Template::new(text).map(drop).map_err(|e| e.to_string()),
            Value::Array(values) => values.iter().try_for_each(check),
            Value::Object(members) => members.values().try_for_each(check),
            _ => Ok(()),
        }
    }
    let value = item.json()?;
    check(&value).map_err(|error| item.fault(error, "places are written {{input}}"))?;
    Ok(value)
}

/// A JSON pointer, RFC 6901.
pub(super) fn pointer(item: &Item<'_>) -> Result<String, Fault> {
    let text = item.text()?;
    if !text.starts_with('/') {
        let message = format!("{} is no JSON pointer", item.name);
        return Err(item.fault(message, "write it like \"/answer/text\""));
    }
    Ok(text.to_owned())
}

fn chat(table: &Table<'_>, directory: &Path, retries: u32) -> Result<Chat, Fault> {
    let text = |key: &str| table.get(key).map(|item| item.text().map(str::to_owned)).transpose();
    let prompt = |key: &str| table.get(key).map(|item| prompt(&item, directory)).transpose();
    let key = table.get("api_key_env");
    let key = key.map(|item| Ok((item.text()?.to_owned(), item.place))).transpose()?;
    let max_tokens = table.get("max_tokens").map(|item| item.whole(1..1 << 31)).transpose()?;
    Ok(Chat {
        place: table.place,
        model: text("model")?,
        system: prompt("system")?,
        prompt: prompt("prompt")?,
        base_url: text("base_url")?,
        api_key_env: key,
        temperature: table
            .get("temperature")
            .map(|item| item.number_in(0.0.., "at least 0"))
            .transpose()?,
        max_tokens: max_tokens.and_then(|most| u32::try_from(most).ok()),
        timeout: timeout(table)?,
        retries,
    })
}

impl Chat {
    /// What neither the task nor the matrix says.
    pub(super) fn check(&self, source: &Source, matrix: &[Axis]) -> Result<(), Fault> {
        let varies = |name: &str| matrix.iter().any(|axis| axis.name == name);
        let missing = [("model", self.model.is_none()), ("prompt", self.prompt.is_none())];
        match missing.iter().find(|(name, missing)| *missing && !varies(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("the task has no {name:?}");
                let hint = format!("set task.{name}, or matrix.{name} for several");
                Err(source.fault(self.place, message, hint))
            }
        }
    }
}

/// A prompt, or the content of the file that it names: a text of one word that ends like one.
pub(super) fn prompt(item: &Item<'_>, directory: &Path) -> Result<Prompt, Fault> {
    let text = item.text()?;
    let names_file = !text.contains(char::is_whitespace)
        && PROMPT_FILES.iter().any(|ending| text.ends_with(ending));
    let file = names_file.then(|| directory.join(text));
    let source = match &file {
        None => text.to_owned(),
        Some(path) => {
            let read = std::fs::metadata(path).and_then(|found| {
                if found.len() > MAX_PROMPT_BYTES {
                    return Err(std::io::Error::other("it is larger than 4 MiB"));
                }
                std::fs::read_to_string(path)
            });
            read.map_err(|error| {
                let message = format!("cannot read the prompt {}: {error}", path.display());
                item.fault(message, "paths are relative to the directory of this file")
            })?
        }
    };
    let template = Template::new(&source)
        .map_err(|error| item.fault(error, "places are written {{input}} or {{input.member}}"))?;
    Ok(Prompt { template, file })
}

/// Text with values in its places; the variables of a task or scorer.
pub(crate) fn filled(value: &Value, variables: &Value) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => {
            let name = text.strip_prefix("{{").and_then(|text| text.strip_suffix("}}"));
            // A place alone stands for the value itself, not for its text.
            let whole = name.filter(|name| !name.contains(['{', '}'])).and_then(|name| {
                name.trim().split('.').try_fold(variables, |value, part| value.get(part))
            });
            match whole {
                Some(value) => value.clone(),
                None => {
                    let template = Template::new(text).map_err(|error| error.to_string())?;
                    template.render(variables).map_err(|error| error.to_string())?.into()
                }
            }
        }
        Value::Array(values) => Value::Array(
            values.iter().map(|value| filled(value, variables)).collect::<Result<_, _>>()?,
        ),
        Value::Object(members) => {
            let filled =
                members.iter().map(|(name, value)| Ok((name.clone(), filled(value, variables)?)));
            Value::Object(filled.collect::<Result<Map<_, _>, String>>()?)
        }
        other => other.clone(),
    })
}
