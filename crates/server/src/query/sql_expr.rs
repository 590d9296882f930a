//! Expressions of queries in SQL text, by rising precedence: or, and, not, comparisons, operands.

use serde_json::{Number, Value};

use super::ast::{Comparison, Expr, Function, MAX_DEPTH, MAX_PATTERN_CHARS, QueryError, Step};
use super::lex::Kind;
use super::sql::{Parser, constant};

impl Parser<'_> {
    pub(super) fn expression(&mut self, depth: usize) -> Result<Expr, QueryError> {
        self.joined(depth, "or", Self::conjunction, Expr::Or)
    }

    fn conjunction(&mut self, depth: usize) -> Result<Expr, QueryError> {
        self.joined(depth, "and", Self::negation, Expr::And)
    }

    fn joined(
        &mut self,
        depth: usize,
        keyword: &str,
        one: fn(&mut Self, usize) -> Result<Expr, QueryError>,
        join: fn(Vec<Expr>) -> Expr,
    ) -> Result<Expr, QueryError> {
        if depth > MAX_DEPTH {
            return Err(self.refuse(format!("nested more than {MAX_DEPTH} deep")));
        }
        self.node()?;
        let first = one(self, depth)?;
        if !self.is_word(keyword) {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.word(keyword) {
            all.push(one(self, depth)?);
        }
        Ok(join(all))
    }

    fn negation(&mut self, depth: usize) -> Result<Expr, QueryError> {
        let mut odd = false;
        let mut any = false;
        // Two of them leave null null, so counting is enough.
        while self.word("not") {
            self.node()?;
            odd = !odd;
            any = true;
        }
        let expr = self.predicate(depth)?;
        Ok(match (odd, any) {
            (true, _) => not(expr),
            (false, true) => not(not(expr)),
            (false, false) => expr,
        })
    }

    fn predicate(&mut self, depth: usize) -> Result<Expr, QueryError> {
        self.node()?;
        let left = self.operand(depth)?;
        if let Kind::Sign(sign) = self.peek()
            && let Some(comparison) = comparison(sign)
        {
            self.skip();
            let right = self.operand(depth)?;
            return Ok(Expr::Compare(comparison, Box::new(left), Box::new(right)));
        }
        if self.word("is") {
            let negated = self.word("not");
            if !self.word("null") {
                return Err(self.expected("null"));
            }
            let test = Expr::IsNull(Box::new(left));
            return Ok(if negated { not(test) } else { test });
        }
        let negated = self.word("not");
        let test = if self.word("in") {
            Expr::In(Box::new(left), self.list()?)
        } else if self.is_word("like") || self.is_word("ilike") {
            let ignore_case = self.is_word("ilike");
            self.skip();
            Expr::Like { text: Box::new(left), pattern: self.pattern()?, ignore_case }
        } else if self.word("between") {
            // It becomes two comparisons; copies of copies of an expression would have no bound.
            if !matches!(left, Expr::Path(_) | Expr::Literal(_)) {
                return Err(self.refuse("between needs a member or a plain value before it"));
            }
            let low = self.operand(depth)?;
            if !self.word("and") {
                return Err(self.expected("and"));
            }
            let high = self.operand(depth)?;
            Expr::And(vec![
                Expr::Compare(Comparison::Ge, Box::new(left.clone()), Box::new(low)),
                Expr::Compare(Comparison::Le, Box::new(left), Box::new(high)),
            ])
        } else if self.word("contains") || self.word("includes") {
            Expr::Contains(Box::new(left), Box::new(self.operand(depth)?))
        } else if negated {
            return Err(self.expected("in, like, ilike, between, contains or includes"));
        } else {
            return Ok(left);
        };
        Ok(if negated { not(test) } else { test })
    }

    fn operand(&mut self, depth: usize) -> Result<Expr, QueryError> {
        if self.sign("(") {
            let inner = self.expression(depth + 1)?;
            self.need_sign(")")?;
            return Ok(inner);
        }
        if let Some(value) = self.literal()? {
            return Ok(Expr::Literal(value));
        }
        if let (Kind::Word(word), Kind::Sign("(")) = (self.peek(), self.peek_after())
            && !super::sql::is_reserved(word)
        {
            let message = match Function::of(word) {
                Some(_) => format!("{word}(…) belongs into select or order by"),
                None => {
                    let names = Function::NAMES;
                    format!("unknown function {word:?}; there are {names}, in select")
                }
            };
            return Err(self.refuse(message));
        }
        self.path()
    }

    fn path(&mut self) -> Result<Expr, QueryError> {
        let mut steps = vec![Step::Member(self.name("a value")?)];
        loop {
            if self.sign(".") {
                // After a dot nothing is a keyword.
                let name = match self.peek() {
                    Kind::Word(name) | Kind::Name(name) => name.clone(),
                    _ => return Err(self.expected("a member's name")),
                };
                self.skip();
                steps.push(Step::Member(name));
            } else if self.sign("[") {
                let step = match self.peek() {
                    Kind::Text(name) => Some(Step::Member(name.clone())),
                    Kind::Number(number) => {
                        let index = number.as_u64().and_then(|n| usize::try_from(n).ok());
                        index.map(Step::Index)
                    }
                    _ => None,
                };
                let step =
                    step.ok_or_else(|| self.expected("a member's name in quotes, or an index"))?;
                self.skip();
                self.need_sign("]")?;
                steps.push(step);
            } else {
                return Ok(Expr::Path(steps));
            }
            if steps.len() > MAX_DEPTH {
                return Err(self.refuse(format!("a path of more than {MAX_DEPTH} steps")));
            }
        }
    }

    /// A text, a number or a constant, if one is next.
    fn literal(&mut self) -> Result<Option<Value>, QueryError> {
        let value = match self.peek() {
            Kind::Text(text) => Some(Value::String(text.clone())),
            Kind::Number(number) => Some(Value::Number(number.clone())),
            Kind::Word(word) => constant(word),
            Kind::Sign(sign @ ("-" | "+")) => {
                let negative = *sign == "-";
                let Kind::Number(number) = self.peek_after() else {
                    return Err(self.refuse("arithmetic is not supported"));
                };
                let value = if negative { negated(number) } else { Some(number.clone()) };
                let value = value.ok_or_else(|| self.refuse("a number out of range"))?;
                self.skip();
                Some(Value::Number(value))
            }
            _ => None,
        };
        if value.is_some() {
            self.skip();
        }
        Ok(value)
    }

    /// `('a', 'b')`, not empty.
    fn list(&mut self) -> Result<Vec<Value>, QueryError> {
        let close = if self.sign("[") {
            "]"
        } else {
            self.need_sign("(")?;
            ")"
        };
        let mut values = Vec::new();
        loop {
            self.node()?;
            let value = self.literal()?;
            values.push(value.ok_or_else(|| self.expected("a text, a number or a constant"))?);
            if !self.sign(",") {
                self.need_sign(close)?;
                return Ok(values);
            }
        }
    }

    fn pattern(&mut self) -> Result<String, QueryError> {
        let Kind::Text(pattern) = self.peek().clone() else {
            return Err(self.expected("a pattern in single quotes"));
        };
        if pattern.chars().count() > MAX_PATTERN_CHARS {
            let message = format!("a pattern of more than {MAX_PATTERN_CHARS} characters");
            return Err(self.refuse(message));
        }
        self.skip();
        Ok(pattern)
    }
}

fn not(expr: Expr) -> Expr {
    Expr::Not(Box::new(expr))
}

fn comparison(sign: &str) -> Option<Comparison> {
    match sign {
        "=" | "==" => Some(Comparison::Eq),
        "!=" | "<>" => Some(Comparison::Ne),
        "<" => Some(Comparison::Lt),
        "<=" => Some(Comparison::Le),
        ">" => Some(Comparison::Gt),
        ">=" => Some(Comparison::Ge),
        _ => None,
    }
}

/// `None` for whole numbers below the least there is.
fn negated(number: &Number) -> Option<Number> {
    match (number.as_u64(), number.as_f64()) {
        (Some(whole), _) => {
            // The least number has no positive counterpart of its type.
            let negative = 0_i128 - i128::from(whole);
            i64::try_from(negative).ok().map(Number::from)
        }
        (None, Some(float)) => Number::from_f64(-float),
        (None, None) => None,
    }
}
