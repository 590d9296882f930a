//! The query tree: what both front ends make, and all that plans are made from.

use serde_json::Value;
use tidegate_model::Destination;

/// Nesting of an expression, so that no walk over one can exhaust the stack.
pub(super) const MAX_DEPTH: usize = 50;
/// Nodes of all expressions of a query, items of lists included.
pub(super) const MAX_NODES: usize = 5_000;
/// Columns of a result.
pub(super) const MAX_COLUMNS: usize = 200;
/// Expressions in a sort or in a group.
pub(super) const MAX_KEYS: usize = 8;
/// Bytes of a query in text.
pub(super) const MAX_TEXT_BYTES: usize = 64 << 10;
/// Characters of a pattern, since matching may take time in proportion.
pub(super) const MAX_PATTERN_CHARS: usize = 256;
/// Rows in a page unless the query says otherwise, and at most.
pub(super) const DEFAULT_LIMIT: usize = 1_000;
pub(super) const MAX_LIMIT: usize = 10_000;

/// Why a query is refused: where, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub(crate) struct QueryError {
    /// A member such as `query.filter.children[1]`, or `line 1, column 9`.
    pub(super) place: String,
    pub(super) message: String,
}

impl QueryError {
    pub(super) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }

    /// Puts the error of a text inside of something under that thing's place.
    pub(super) fn within(self, place: &str) -> Self {
        Self { place: format!("{place}: {}", self.place), message: self.message }
    }
}

/// A request for rows of one object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(super) from: Destination,
    pub(super) select: Select,
    pub(super) filter: Option<Expr>,
    /// Not empty only with columns.
    pub(super) group: Vec<Expr>,
    pub(super) sort: Vec<Sort>,
    /// Rows of a page, above zero.
    pub(super) limit: Option<usize>,
    /// Rows left out before the first page.
    pub(super) offset: usize,
    /// As the client sent it.
    pub(super) cursor: Option<String>,
    /// Likewise: the transaction to read as of.
    pub(super) version: Option<String>,
}

impl Query {
    /// The object that is read.
    pub(crate) fn object(&self) -> &Destination {
        &self.from
    }

    /// All rows of an object.
    pub(super) fn all(from: Destination) -> Self {
        Self {
            from,
            select: Select::Star,
            filter: None,
            group: Vec::new(),
            sort: Vec::new(),
            limit: None,
            offset: 0,
            cursor: None,
            version: None,
        }
    }
}

/// What a row of the result is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Select {
    /// The whole stored row.
    Star,
    /// An object of these members, with different names.
    Columns(Vec<Column>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) term: Term,
}

/// A value of one row or of a group of rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    Value(Expr),
    Aggregate(Aggregate),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Aggregate {
    /// `count(*)`.
    Rows,
    Of(Function, Expr),
}

/// What is made of the values of a group that are not null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    /// Of numbers; other values are left out.
    Sum,
    /// Of numbers; other values are left out.
    Avg,
    Min,
    Max,
}

impl Function {
    pub(super) const NAMES: &str = "count, sum, avg, min and max";

    pub(super) fn of(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "count" => Some(Self::Count),
            "sum" => Some(Self::Sum),
            "avg" => Some(Self::Avg),
            "min" => Some(Self::Min),
            "max" => Some(Self::Max),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

impl Term {
    /// The name of a column that was given none; `None` if it needs one.
    pub(super) fn default_name(&self) -> Option<String> {
        match self {
            Self::Aggregate(Aggregate::Rows) => Some(Function::Count.name().into()),
            Self::Aggregate(Aggregate::Of(function, _)) => Some(function.name().into()),
            Self::Value(Expr::Path(steps)) => steps.iter().rev().find_map(|step| match step {
                Step::Member(name) => Some(name.clone()),
                Step::Index(_) => None,
            }),
            Self::Value(_) => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sort {
    pub(super) by: Term,
    pub(super) descending: bool,
}

/// An expression over one row. Null stands for unknown, as in SQL.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Literal(Value),
    /// A member of the row, or of a member of it; null where there is none. Never empty, and the
    /// first step is a member.
    Path(Vec<Step>),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    In(Box<Expr>, Vec<Value>),
    IsNull(Box<Expr>),
    Like {
        text: Box<Expr>,
        pattern: String,
        ignore_case: bool,
    },
    /// Whether a text has a part, a list an item or an object a member.
    Contains(Box<Expr>, Box<Expr>),
    /// `created` in microseconds of unix time; plans put it where times are compared.
    CreatedMicros,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    /// Counts from zero.
    Index(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Comparison {
    /// The same with its sides exchanged.
    pub(super) fn flipped(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            Self::Eq | Self::Ne => self,
        }
    }
}

/// Adds columns while a front end reads them, and keeps their names apart.
#[derive(Debug, Default)]
pub(super) struct Columns(Vec<Column>);

impl Columns {
    pub(super) fn add(&mut self, name: Option<String>, term: Term) -> Result<(), String> {
        let Some(name) = name.or_else(|| term.default_name()) else {
            return Err("this column needs a name: add an alias".into());
        };
        if self.0.iter().any(|column| column.name == name) {
            return Err(format!("two columns are named {name:?}; give one another alias"));
        }
        if self.0.len() == MAX_COLUMNS {
            return Err(format!("more than {MAX_COLUMNS} columns"));
        }
        self.0.push(Column { name, term });
        Ok(())
    }

    pub(super) fn take(self) -> Vec<Column> {
        self.0
    }
}
