//! `[data]` and `[[cases]]`: where cases come from.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tidegate_eval::Case;

use super::reader::{Fault, Item, Table};

const HINT: &str = "add [data] with file = \"cases.jsonl\", or cases as [[cases]]";

#[derive(Debug, Clone)]
pub(crate) enum Data {
    File { path: PathBuf, columns: Columns },
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
    table.only(&["file", "input", "expected", "id", "tags"])?;
    let item = table.need("file", "name a file of JSON lines, as in file = \"cases.jsonl\"")?;
    let path = directory.join(item.text()?);
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
    Ok(Data::File { path, columns })
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
