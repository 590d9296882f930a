//! Random rows and conditions over them, in both forms of queries.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_model::XactId;

use crate::store::created_us;

/// Of the values that [`rows`] makes.
pub(super) fn rank(value: &Value) -> (u8, f64, String) {
    match value {
        Value::Bool(value) => (1, f64::from(u8::from(*value)), String::new()),
        Value::Number(number) => (2, number.as_f64().expect("a number"), String::new()),
        Value::String(text) => (3, 0.0, text.clone()),
        // Whole floats are integers.
        other => (4, 0.0, other.to_string().replace(".0", "")),
    }
}

/// A member in both forms.
#[derive(Debug, Clone)]
pub(crate) struct Path(Vec<Value>);

impl Path {
    fn json(&self) -> Value {
        json!({"op": "ident", "name": self.0})
    }

    fn sql(&self) -> String {
        let mut text = String::new();
        for step in &self.0 {
            match step {
                Value::String(name) if text.is_empty() => text.push_str(name),
                Value::String(name) => text.push_str(&format!(".\"{name}\"")),
                index => text.push_str(&format!("[{index}]")),
            }
        }
        text
    }

    pub(super) fn of(&self, row: &Value) -> Value {
        let mut value = row.clone();
        for step in &self.0 {
            value = match step {
                Value::String(name) => value.get(name).cloned(),
                index => value.get(index.as_u64().expect("an index") as usize).cloned(),
            }
            .unwrap_or_default();
        }
        value
    }

    fn is_created(&self) -> bool {
        self.0 == ["created"]
    }
}

/// A condition in both forms.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Compare(Path, &'static str, Value),
    In(Path, Vec<Value>),
    IsNull(Path),
    NotNull(Path),
    Like(Path, &'static str),
    Contains(Path, Value),
    Truth(Path),
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

/// Nodes' names and signs.
const COMPARISONS: [(&str, &str); 6] =
    [("eq", "="), ("ne", "!="), ("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")];

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        other => other.to_string(),
    }
}

impl Condition {
    /// `… is null or … is not null`, which always holds.
    pub(crate) fn parse_test(member: &str) -> Self {
        let path = Path(member.split('.').map(Value::from).collect());
        Self::Or(vec![Self::IsNull(path.clone()), Self::NotNull(path)])
    }

    pub(crate) fn json(&self) -> Value {
        let node = |value: &Value| json!({"op": "literal", "value": value});
        match self {
            Self::Compare(path, op, value) => {
                json!({"op": op, "left": path.json(), "right": node(value)})
            }
            Self::In(path, list) => {
                json!({"op": "in", "left": path.json(), "right": node(&json!(list))})
            }
            Self::IsNull(path) => json!({"op": "isnull", "expr": path.json()}),
            Self::NotNull(path) => json!({"op": "isnotnull", "expr": path.json()}),
            Self::Like(path, pattern) => {
                json!({"op": "like", "left": path.json(), "right": node(&json!(pattern))})
            }
            Self::Contains(path, value) => {
                json!({"op": "includes", "haystack": path.json(), "needle": node(value)})
            }
            Self::Truth(path) => path.json(),
            Self::Not(inner) => json!({"op": "not", "expr": inner.json()}),
            Self::And(all) | Self::Or(all) => {
                let op = if matches!(self, Self::And(_)) { "and" } else { "or" };
                json!({"op": op, "children": all.iter().map(Self::json).collect::<Vec<_>>()})
            }
        }
    }

    pub(crate) fn sql(&self) -> String {
        match self {
            Self::Compare(path, op, value) => {
                let sign = COMPARISONS.iter().find(|(name, _)| name == op).expect("known").1;
                format!("{} {sign} {}", path.sql(), literal(value))
            }
            Self::In(path, list) => {
                let list: Vec<_> = list.iter().map(literal).collect();
                format!("{} in ({})", path.sql(), list.join(", "))
            }
            Self::IsNull(path) => format!("{} is null", path.sql()),
            Self::NotNull(path) => format!("{} IS NOT NULL", path.sql()),
            Self::Like(path, pattern) => format!("{} like '{pattern}'", path.sql()),
            Self::Contains(path, value) => format!("{} contains {}", path.sql(), literal(value)),
            Self::Truth(path) => path.sql(),
            Self::Not(inner) => format!("not ({})", inner.sql()),
            Self::And(all) | Self::Or(all) => {
                let join = if matches!(self, Self::And(_)) { ") and (" } else { ") or (" };
                let all: Vec<_> = all.iter().map(Self::sql).collect();
                format!("({})", all.join(join))
            }
        }
    }

    /// 1 if it holds, -1 if not, 0 if that is unknown: "and" is the least and "or" the greatest.
    pub(crate) fn holds(&self, row: &Value) -> i8 {
        let known = |truth: bool| if truth { 1 } else { -1 };
        match self {
            Self::Not(inner) => -inner.holds(row),
            Self::And(all) => all.iter().map(|one| one.holds(row)).min().unwrap_or(1),
            Self::Or(all) => all.iter().map(|one| one.holds(row)).max().unwrap_or(-1),
            Self::IsNull(path) => known(path.of(row).is_null()),
            Self::NotNull(path) => known(!path.of(row).is_null()),
            Self::Truth(path) => path.of(row).as_bool().map_or(0, known),
            Self::Compare(path, op, value) => compare(path, op, value, row),
            Self::In(path, list) => {
                let all = list.iter().map(|value| compare(path, "eq", value, row));
                all.max().unwrap_or(-1)
            }
            Self::Like(path, pattern) => match path.of(row) {
                Value::String(text) => known(like(text.as_bytes(), pattern.as_bytes())),
                _ => 0,
            },
            Self::Contains(path, value) => match (path.of(row), value) {
                (Value::Array(items), value) if !value.is_null() => {
                    known(items.iter().any(|item| rank(item) == rank(value)))
                }
                (Value::String(text), Value::String(part)) => known(text.contains(part)),
                (Value::Object(members), Value::String(name)) => known(members.contains_key(name)),
                _ => 0,
            },
        }
    }
}

fn compare(path: &Path, op: &str, value: &Value, row: &Value) -> i8 {
    let left = path.of(row);
    if left.is_null() || value.is_null() {
        return 0;
    }
    let time = |value: &Value| json!(created_us(value.as_str()));
    let (left, right) =
        if path.is_created() { (time(&left), time(value)) } else { (left, value.clone()) };
    let (left, right) = (rank(&left), rank(&right));
    let ordered = left.0 == right.0 && left.0 < 4;
    let truth = match op {
        "eq" => left == right,
        "ne" => left != right,
        _ if !ordered => return 0,
        "lt" => left < right,
        "le" => left <= right,
        "gt" => left > right,
        _ => left >= right,
    };
    if truth { 1 } else { -1 }
}

/// By trying everything; patterns of the tests are in ASCII.
fn like(text: &[u8], pattern: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, rest) => rest.is_none(),
        (Some(b'%'), _) => (0..=text.len()).any(|at| like(&text[at..], &pattern[1..])),
        (Some(b'_'), Some(_)) => like(&text[1..], &pattern[1..]),
        (Some(wanted), Some(found)) => wanted == found && like(&text[1..], &pattern[1..]),
        (Some(_), None) => false,
    }
}

/// What rows are sorted by.
#[derive(Debug, Clone)]
pub(crate) struct SortOf {
    pub(super) path: Path,
    pub(super) descending: bool,
}

impl SortOf {
    pub(crate) fn sql(&self) -> String {
        format!("order by {} {}", self.path.sql(), if self.descending { "desc" } else { "" })
    }

    pub(crate) fn json(&self) -> Value {
        json!([{"expr": self.path.json(), "dir": if self.descending { "desc" } else { "asc" }}])
    }
}

const TRACES: [&str; 3] =
    ["0123456789abcdef0123456789abcdef", "fedcba98765432100123456789abcdef", "it's"];
const TIMES: [&str; 4] = [
    "2026-01-01T00:00:00.000Z",
    "2026-01-01T01:00:00+01:00",
    "2026-01-01T00:00:00.000001Z",
    "2026-02-01T00:00:00Z",
];

fn row_id() -> BoxedStrategy<String> {
    (0..8_u32)
        .prop_map(|n| match n % 2 {
            0 => format!("r{n}"),
            _ => format!("0198c5a2-0000-7000-8000-{n:012x}"),
        })
        .boxed()
}

fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
        prop_oneof![Just(0.5), Just(1.0), Just(-1.5)].prop_map(Value::from),
        prop_oneof![Just("a"), Just("ab"), Just("it's"), Just("1")].prop_map(Value::from),
    ]
    .boxed()
}

/// Rows of traces, with members of every kind.
pub(crate) fn rows() -> BoxedStrategy<Vec<Value>> {
    let row = (
        row_id(),
        prop::option::of(0..TRACES.len()),
        any::<bool>(),
        0..TIMES.len(),
        (scalar(), prop::option::of(scalar())),
        prop::collection::vec(scalar(), 0..3),
    );
    let row = row.prop_map(|(id, trace, root, time, (a, b), tags)| {
        let mut row = json!({"id": id, "created": TIMES[time], "metadata": {"a": a}, "tags": tags});
        if let Some(trace) = trace {
            row["root_span_id"] = TRACES[trace].into();
        }
        if !root {
            row["span_parents"] = json!(["p"]);
        }
        if let Some(b) = b {
            row["metadata"]["b"] = b;
        }
        row
    });
    prop::collection::vec(row, 1..12).boxed()
}

/// A member and a value that it may have.
fn lookup() -> BoxedStrategy<(Path, Value)> {
    let path = |steps: Value| Path(steps.as_array().expect("steps").clone());
    let text = |values: &'static [&'static str]| {
        (0..values.len()).prop_map(|index| Value::from(values[index]))
    };
    prop_oneof![
        (Just(path(json!(["id"]))), row_id().prop_map(Value::from)),
        (Just(path(json!(["root_span_id"]))), text(&TRACES)),
        (Just(path(json!(["is_root"]))), any::<bool>().prop_map(Value::from)),
        (Just(path(json!(["created"]))), text(&TIMES)),
        (
            Just(path(json!(["_xact_id"]))),
            (0..12_u32).prop_map(|n| Value::from(XactId::at(n).to_string()))
        ),
        (Just(path(json!(["metadata", "a"]))), scalar()),
        (Just(path(json!(["metadata", "b"]))), scalar()),
        (Just(path(json!(["tags", 0]))), scalar()),
        (Just(path(json!(["tags"]))), scalar()),
        (Just(path(json!(["nothing", "here"]))), scalar()),
    ]
    .boxed()
}

/// What rows may be sorted by; `created` is left out, as its order is not that of its texts.
pub(crate) fn sort_of() -> BoxedStrategy<Option<SortOf>> {
    let path = lookup().prop_map(|(path, _)| path).prop_filter("texts", |path| !path.is_created());
    let sort = (path, any::<bool>()).prop_map(|(path, descending)| SortOf { path, descending });
    prop::option::of(sort).boxed()
}

/// Random conditions, several levels deep.
pub(crate) fn conditions() -> BoxedStrategy<Condition> {
    let leaf = prop_oneof![
        6 => (lookup(), 0..COMPARISONS.len()).prop_map(|((path, value), op)| {
            Condition::Compare(path, COMPARISONS[op].0, value)
        }),
        2 => prop::collection::vec(lookup(), 1..4).prop_map(|lookups| {
            let path = lookups[0].0.clone();
            // Values of other members are fine, except where only times are.
            let values = lookups.into_iter().filter(|lookup| {
                !path.is_created() || lookup.0.is_created()
            });
            Condition::In(path.clone(), values.map(|(_, value)| value).collect())
        }),
        1 => lookup().prop_map(|(path, _)| Condition::IsNull(path)),
        1 => lookup().prop_map(|(path, _)| Condition::NotNull(path)),
        1 => lookup().prop_map(|(path, _)| Condition::Truth(path)),
        1 => (lookup(), prop_oneof![Just("a%"), Just("_"), Just("%b"), Just("%0%1%")])
            .prop_map(|((path, _), pattern)| Condition::Like(path, pattern)),
        1 => lookup().prop_map(|(path, value)| Condition::Contains(path, value)),
    ];
    // Boxed, as all of these: by value they would not fit on the stack of a test.
    leaf.boxed()
        .prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|one| Condition::Not(Box::new(one))),
                prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::And),
                prop::collection::vec(inner, 1..4).prop_map(Condition::Or),
            ]
        })
        .boxed()
}
