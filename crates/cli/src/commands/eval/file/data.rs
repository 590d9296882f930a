//! `[data]` and `[[cases]]`: where cases come from.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tidegate_eval::Case;

use super::reader::{Fault, Item, Table};

const HINT: &str = "add [data] with file = \"cases.jsonl\", or cases as [[cases]]";

#[derive(Debug, Clone)]
pub(crate) enum Data {
    File { path: PathBuf, columns: Columns },
    Csv { path: PathBuf, columns: Columns, separator: char, json_cells: bool },
    Inline(Vec<Case<Value, Value>>),
}

/// Which members of a line are what, where they are not called so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) input: Option<String>,
    pub(crate) expected: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) tags: Option<String>,
}

impl Columns {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What each named column is.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("input", &self.input),
            ("expected", &self.expected),
            ("id", &self.id),
            ("tags", &self.tags),
        ];
        all.into_iter().filter_map(|(field, column)| Some((field, column.as_deref()?)))
    }
}

pub(crate) fn read(root: &Table<'_>, directory: &Path) -> Result<Data, Fault> {
    match (root.get("data"), root.get("cases")) {
        (Some(data), Some(_)) => {
            let message = "the file has both [data] and [[cases]]";
            Err(data.fault(message, "keep one of them"))
        }
        (Some(data), None) => file(&data.table()?, directory),
        (None, Some(cases)) => {
            let items = cases.array()?;
            if items.is_empty() {
                return Err(cases.fault("there is no case", HINT));
            }
            Ok(Data::Inline(items.iter().map(case).collect::<Result<_, _>>()?))
        }
        (None, None) => Err(root.need("data", HINT).err().expect("it is missing")),
    }
}

fn file(table: &Table<'_>, directory: &Path) -> Result<Data, Fault> {
    let hint = "name a file of JSON lines or a CSV file, as in file = \"cases.jsonl\"";
    let is_csv = |text: &str| [".csv", ".tsv"].iter().any(|ending| text.ends_with(ending));
    let usual = ["file", "input", "expected", "id", "tags"];
    match table.get("file").is_some_and(|item| item.text().is_ok_and(is_csv)) {
        true => table.only(&[&usual[..], &["separator", "json_cells"]].concat())?,
        false => table.only(&usual)?,
    }
    let item = table.need("file", hint)?;
    let name = item.text()?;
    let path = directory.join(name);
    if let Err(error) = std::fs::metadata(&path).and_then(|found| match found.is_dir() {
        true => Err(std::io::Error::other("it is a directory")),
        false => Ok(()),
    }) {
        let message = format!("cannot read {}: {error}", path.display());
        return Err(item.fault(message, "paths are relative to the directory of this file"));
    }
    let column = |key: &str| table.get(key).map(|item| item.text().map(str::to_owned)).transpose();
    let columns = Columns {
        input: column("input")?,
        expected: column("expected")?,
        id: column("id")?,
        tags: column("tags")?,
    };
    if !is_csv(name) {
        return Ok(Data::File { path, columns });
    }
    let usual = if name.ends_with(".tsv") { '\t' } else { ',' };
    let separator = match table.get("separator") {
        None => usual,
        Some(item) => {
            let mut characters =
                item.json()?.as_str().unwrap_or_default().chars().collect::<Vec<_>>();
            match (characters.pop(), characters.is_empty()) {
                (Some(one), true) if !['"', '\n', '\r'].contains(&one) => one,
                _ => return Err(item.fault("the separator must be one character", "such as \";\"")),
            }
        }
    };
    let json_cells = table.get("json_cells").map(|item| item.boolean()).transpose()?;
    Ok(Data::Csv { path, columns, separator, json_cells: json_cells.unwrap_or(false) })
}

fn case(item: &Item<'_>) -> Result<Case<Value, Value>, Fault> {
    let table = item.table()?;
    table.only(&["input", "expected", "id", "tags", "metadata", "trials"])?;
    let input = table.need("input", "each case needs an input")?.json()?;
    let expected = table.get("expected").map(|item| item.json()).transpose()?;
    let mut case = Case::new(input).maybe_expected(expected);
    if let Some(id) = table.get("id") {
        case = case.id(id.text()?);
    }
    if let Some(tags) = table.get("tags") {
        case = case.tags(tags.texts()?);
    }
    if let Some(metadata) = table.get("metadata") {
        for (name, value) in metadata.object()? {
            case = case.metadata(name, &value);
        }
    }
    if let Some(trials) = table.get("trials") {
        let trials = trials.whole(1..u64::from(u32::MAX))?;
        case = case.trials(u32::try_from(trials).unwrap_or(u32::MAX));
    }
    Ok(case)
}
