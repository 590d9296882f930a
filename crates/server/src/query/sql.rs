//! Queries in SQL text.
//!
//! A recursive descent over tokens that never goes back, so reading takes time in proportion to
//! the text, and every refusal knows its line and column. Values only become [`Expr::Literal`].

use serde_json::Value;
use tidegate_model::Destination;

use super::ast::{
    Aggregate, Columns, Expr, Function, MAX_KEYS, MAX_NODES, Query, QueryError, Select, Sort, Term,
};
use super::lex::{Kind, Token, place, tokens};

/// Words that are not names unless quoted.
const RESERVED: [&str; 27] = [
    "select", "from", "where", "group", "having", "order", "by", "limit", "offset", "and", "or",
    "not", "in", "is", "null", "like", "ilike", "between", "as", "true", "false", "asc", "desc",
    "union", "join", "distinct", "with",
];

/// Reads `select … from … where … group by … order by … limit … offset …`.
pub(crate) fn query(text: &str) -> Result<Query, QueryError> {
    let mut parser = Parser::new(text)?;
    let query = parser.query()?;
    parser.end()?;
    Ok(query)
}

/// Reads `dataset('<id>')`.
pub(super) fn source(text: &str) -> Result<Destination, QueryError> {
    let mut parser = Parser::new(text)?;
    let source = parser.source()?;
    parser.end()?;
    Ok(source)
}

/// Reads a condition or a value, and counts its nodes.
pub(super) fn expression(text: &str) -> Result<(Expr, usize), QueryError> {
    let mut parser = Parser::new(text)?;
    let expr = parser.expression(0)?;
    parser.end()?;
    Ok((expr, parser.nodes))
}

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    nodes: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, QueryError> {
        Ok(Self { text, tokens: tokens(text)?, at: 0, nodes: 0 })
    }

    fn query(&mut self) -> Result<Query, QueryError> {
        self.need("select")?;
        if self.is_word("distinct") {
            return Err(self.refuse("distinct is not supported; use group by"));
        }
        let select = self.select()?;
        self.need("from")?;
        let mut query = Query { select, ..Query::all(self.source()?) };
        if self.word("where") {
            query.filter = Some(self.expression(0)?);
        }
        if self.word("group") {
            self.need("by")?;
            query.group = self.keys(|parser| parser.expression(0))?;
        }
        if self.is_word("having") {
            return Err(self.refuse("having is not supported"));
        }
        if self.word("order") {
            self.need("by")?;
            query.sort = self.keys(Self::sort)?;
        }
        if self.word("limit") {
            let at = self.at;
            query.limit = Some(self.whole_number()?);
            if query.limit == Some(0) {
                return Err(self.refuse_at(at, "limit must be above zero"));
            }
        }
        if self.word("offset") {
            query.offset = self.whole_number()?;
        }
        self.sign(";");
        Ok(query)
    }

    fn select(&mut self) -> Result<Select, QueryError> {
        if self.sign("*") {
            return Ok(Select::Star);
        }
        let mut columns = Columns::default();
        loop {
            let at = self.at;
            if self.is_sign("*") {
                return Err(self.refuse("select either * or columns"));
            }
            let term = self.term()?;
            let name = if self.word("as") { Some(self.name("an alias")?) } else { self.alias() };
            columns.add(name, term).map_err(|message| self.refuse_at(at, message))?;
            if !self.sign(",") {
                return Ok(Select::Columns(columns.take()));
            }
        }
    }

    fn source(&mut self) -> Result<Destination, QueryError> {
        let at = self.at;
        let expected = "an object: experiment('…'), dataset('…'), project_logs('…') or \
                        playground_logs('…')";
        let kind = self.name(expected)?;
        if !self.sign("(") {
            return Err(self.refuse_at(at, format!("expected {expected}")));
        }
        let Kind::Text(id) = self.peek().clone() else {
            return Err(self.expected("the id of the object in single quotes"));
        };
        if id.is_empty() {
            return Err(self.refuse("the id of the object is empty"));
        }
        self.at += 1;
        if self.is_sign(",") {
            return Err(self.refuse("only one object can be read at a time"));
        }
        self.need_sign(")")?;
        // What the hosted service calls the shape of a result.
        self.word("spans");
        Destination::from_kind(&kind.to_ascii_lowercase(), &id)
            .ok_or_else(|| self.refuse_at(at, format!("unknown object {kind:?}; use {expected}")))
    }

    fn keys<T>(
        &mut self,
        one: impl Fn(&mut Self) -> Result<T, QueryError>,
    ) -> Result<Vec<T>, QueryError> {
        let mut keys = Vec::new();
        loop {
            if keys.len() == MAX_KEYS {
                return Err(self.refuse(format!("more than {MAX_KEYS} expressions")));
            }
            keys.push(one(self)?);
            if !self.sign(",") {
                return Ok(keys);
            }
        }
    }

    fn sort(&mut self) -> Result<Sort, QueryError> {
        let by = self.term()?;
        let descending = self.word("desc");
        if !descending {
            self.word("asc");
        }
        if self.is_word("nulls") {
            return Err(self.refuse("the place of nulls cannot be chosen: they come last"));
        }
        Ok(Sort { by, descending })
    }

    /// A value or an aggregate.
    fn term(&mut self) -> Result<Term, QueryError> {
        let function = match self.peek() {
            Kind::Word(word) if self.peek_after() == &Kind::Sign("(") => Function::of(word),
            _ => None,
        };
        let Some(function) = function else { return Ok(Term::Value(self.expression(0)?)) };
        self.at += 2;
        if self.sign("*") {
            if function != Function::Count {
                self.at -= 1;
                return Err(self.refuse(format!("{} needs a value, not *", function.name())));
            }
            self.need_sign(")")?;
            return Ok(Term::Aggregate(Aggregate::Rows));
        }
        let of = self.expression(0)?;
        self.need_sign(")")?;
        Ok(Term::Aggregate(Aggregate::Of(function, of)))
    }

    fn whole_number(&mut self) -> Result<usize, QueryError> {
        let number = match self.peek() {
            Kind::Number(number) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
            _ => None,
        };
        let number = number.ok_or_else(|| self.expected("a whole number"))?;
        self.at += 1;
        Ok(number)
    }

    fn alias(&mut self) -> Option<String> {
        let name = match self.peek() {
            Kind::Word(word) if !is_reserved(word) => word.clone(),
            Kind::Name(name) => name.clone(),
            _ => return None,
        };
        self.at += 1;
        Some(name)
    }

    /// Takes a name that is no keyword.
    pub(super) fn name(&mut self, what: &str) -> Result<String, QueryError> {
        match self.peek() {
            Kind::Word(word) if is_reserved(word) => {
                let message = format!("expected {what}, found {word}; quote it if it is a name");
                Err(self.refuse(message))
            }
            _ => self.alias().ok_or_else(|| self.expected(what)),
        }
    }

    /// Counts a node of an expression.
    pub(super) fn node(&mut self) -> Result<(), QueryError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.refuse(format!("more than {MAX_NODES} parts in the query")));
        }
        Ok(())
    }

    pub(super) fn peek(&self) -> &Kind {
        self.tokens.get(self.at).map_or(&Kind::End, |token| &token.kind)
    }

    pub(super) fn peek_after(&self) -> &Kind {
        self.tokens.get(self.at + 1).map_or(&Kind::End, |token| &token.kind)
    }

    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    pub(super) fn is_word(&self, keyword: &str) -> bool {
        matches!(self.peek(), Kind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Kind::Sign(found) if *found == sign)
    }

    /// Takes the keyword if it is next.
    pub(super) fn word(&mut self, keyword: &str) -> bool {
        let found = self.is_word(keyword);
        self.at += usize::from(found);
        found
    }

    /// Takes the sign if it is next.
    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, keyword: &str) -> Result<(), QueryError> {
        if self.word(keyword) { Ok(()) } else { Err(self.expected(keyword)) }
    }

    pub(super) fn need_sign(&mut self, sign: &str) -> Result<(), QueryError> {
        if self.sign(sign) { Ok(()) } else { Err(self.expected(sign)) }
    }

    fn end(&self) -> Result<(), QueryError> {
        match self.peek() {
            Kind::End => Ok(()),
            _ => Err(self.expected("the end of the query")),
        }
    }

    pub(super) fn expected(&self, what: &str) -> QueryError {
        let found = match self.peek() {
            Kind::Word(word) => word.clone(),
            Kind::Name(name) => format!("{name:?}"),
            Kind::Text(_) => "a text".into(),
            Kind::Number(number) => number.to_string(),
            Kind::Sign(sign) => (*sign).into(),
            Kind::End => "the end".into(),
        };
        self.refuse(format!("expected {what}, found {found}"))
    }

    pub(super) fn refuse(&self, message: impl Into<String>) -> QueryError {
        self.refuse_at(self.at, message)
    }

    pub(super) fn refuse_at(&self, token: usize, message: impl Into<String>) -> QueryError {
        let at = self.tokens.get(token).map_or(self.text.len(), |token| token.at);
        QueryError::new(place(self.text, at), message)
    }
}

pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| word.eq_ignore_ascii_case(reserved))
}

/// The value of a literal keyword.
pub(super) fn constant(word: &str) -> Option<Value> {
    match word.to_ascii_lowercase().as_str() {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        "null" => Some(Value::Null),
        _ => None,
    }
}

#[cfg(test)]
#[path = "sql_tests.rs"]
mod tests;
