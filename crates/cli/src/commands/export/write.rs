//! JSON Lines and CSV, on stdout or into a file that appears when it is complete.

use std::borrow::Cow;
use std::io::{BufWriter, Write};

use serde_json::Value;
use tidegate_model::row::Row;

use super::index::Names;
use crate::args::compare::{Export, Format};
use crate::atomic::AtomicFile;
use crate::exit::Failure;

/// Columns that every run has, in the order of the members of a result.
const COLUMNS: [&str; 15] = [
    "id",
    "root_span_id",
    "experiment_id",
    "created",
    "case_id",
    "trial",
    "input",
    "output",
    "expected",
    "error",
    "scorer_errors",
    "classifications",
    "classifier_errors",
    "metadata",
    "tags",
];

pub(super) struct Output {
    out: Target,
    format: Format,
    names: Names,
}

enum Target {
    Stdout(BufWriter<std::io::Stdout>),
    File(AtomicFile),
}

impl Output {
    /// Opens the output and writes the header of CSV.
    pub(super) fn open(export: &Export, names: Names) -> Result<Self, Failure> {
        let out = match &export.output {
            None => Target::Stdout(BufWriter::new(std::io::stdout())),
            Some(path) => Target::File(AtomicFile::create(path)?),
        };
        let mut output = Self { out, format: export.format, names };
        if output.format == Format::Csv {
            let scores = output.names.scores.iter().map(|name| format!("scores.{name}"));
            let metrics = output.names.metrics.iter().map(|name| format!("metrics.{name}"));
            let fixed = COLUMNS.iter().map(|name| (*name).to_owned());
            let header: Vec<_> = fixed.chain(scores).chain(metrics).map(Cow::Owned).collect();
            output.record(&header)?;
        }
        Ok(output)
    }

    pub(super) fn result(&mut self, result: &Row) -> Result<(), Failure> {
        if self.format == Format::Jsonl {
            let mut line = serde_json::to_vec(result).expect("a JSON value always serializes");
            line.push(b'\n');
            return self.bytes(&line);
        }
        let of = |member: &str, name: &str| {
            result.get(member).and_then(|members| members.get(name)).map_or("".into(), text)
        };
        let fixed = COLUMNS.iter().map(|name| result.get(*name).map_or("".into(), text));
        let scores = self.names.scores.iter().map(|name| of("scores", name));
        let metrics = self.names.metrics.iter().map(|name| of("metrics", name));
        let record: Vec<_> = fixed.chain(scores).chain(metrics).collect();
        let mut line = String::new();
        csv(&record, &mut line);
        self.bytes(line.as_bytes())
    }

    fn record(&mut self, fields: &[Cow<'_, str>]) -> Result<(), Failure> {
        let mut line = String::new();
        csv(fields, &mut line);
        self.bytes(line.as_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match &mut self.out {
            Target::Stdout(out) => out.write_all(bytes).map_err(gone),
            Target::File(file) => file.write(bytes),
        }
    }

    pub(super) fn finish(self) -> Result<(), Failure> {
        match self.out {
            Target::Stdout(mut out) => out.flush().map_err(gone),
            Target::File(file) => file.finish(),
        }
    }
}

/// Whoever reads stdout has gone away.
fn gone(error: std::io::Error) -> Failure {
    Failure::failed(error.into(), "whatever reads the output must read it to its end")
}

/// Text as it is, null as nothing, everything else as JSON.
fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// One record as RFC 4180 has it: quoted if it must be, ended by CR LF.
fn csv(fields: &[Cow<'_, str>], line: &mut String) {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        if field.contains([',', '"', '\r', '\n']) {
            line.push('"');
            line.push_str(&field.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(field);
        }
    }
    line.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_as_rfc_4180_has_it() {
        let mut line = String::new();
        let fields = ["a", "", "b,c", "say \"hi\"", "two\r\nlines", " blank "];
        csv(&fields.map(Cow::Borrowed), &mut line);
        assert_eq!(line, "a,,\"b,c\",\"say \"\"hi\"\"\",\"two\r\nlines\", blank \r\n");
    }
}
