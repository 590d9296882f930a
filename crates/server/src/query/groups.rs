//! Groups of rows and what is counted over them.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};

use super::ast::{Aggregate, Function};
use super::eval::{self, View};
use super::execute::{Failure, Limits, Page};
use super::plan::{Grouping, Part, Plan};
use super::sorted::directed;
use super::values;

/// Groups in the order of their first rows.
#[derive(Debug)]
pub(super) struct Groups<'p> {
    grouping: &'p Grouping,
    /// By the canonical text of the keys.
    known: HashMap<String, usize>,
    groups: Vec<Group>,
    bytes: usize,
    max_bytes: usize,
    max_groups: usize,
}

#[derive(Debug)]
struct Group {
    keys: Vec<Value>,
    totals: Vec<Total>,
}

/// What an aggregate has seen.
#[derive(Debug, Default)]
struct Total {
    count: u64,
    /// Whole numbers are added exactly, apart from the others.
    whole: i128,
    fraction: f64,
    fractions: u64,
    /// The least or the greatest.
    extreme: Value,
}

impl<'p> Groups<'p> {
    pub(super) fn new(grouping: &'p Grouping, limits: &Limits) -> Self {
        let mut groups = Self {
            grouping,
            known: HashMap::new(),
            groups: Vec::new(),
            bytes: 0,
            max_bytes: limits.held_bytes,
            max_groups: limits.groups,
        };
        if grouping.keys.is_empty() {
            // Everything is one group, even nothing.
            groups.push(String::new(), Vec::new());
        }
        groups
    }

    fn push(&mut self, name: String, keys: Vec<Value>) -> usize {
        let totals = self.grouping.aggregates.iter().map(|_| Total::default()).collect();
        self.bytes += 2 * name.len() + size_of::<Group>();
        self.bytes += self.grouping.aggregates.len() * size_of::<Total>();
        self.groups.push(Group { keys, totals });
        self.known.insert(name, self.groups.len() - 1);
        self.groups.len() - 1
    }

    pub(super) fn add(&mut self, view: &View) -> Result<(), Failure> {
        let keys = self.grouping.keys.iter();
        let keys: Vec<Value> = keys.map(|key| eval::value(key, view).into_owned()).collect();
        let name: String = keys.iter().map(|key| values::canonical(key) + ",").collect();
        let index = match self.known.get(&name) {
            Some(index) => *index,
            None if self.groups.len() >= self.max_groups => {
                return Err(Failure::TooManyGroups(self.max_groups));
            }
            None => self.push(name, keys),
        };
        let totals = self.groups[index].totals.iter_mut().zip(&self.grouping.aggregates);
        for (total, aggregate) in totals {
            let before = values::bytes(&total.extreme);
            total.add(aggregate, view);
            self.bytes = self.bytes + values::bytes(&total.extreme) - before;
        }
        if self.bytes > self.max_bytes { Err(Failure::TooLarge(self.max_bytes)) } else { Ok(()) }
    }

    pub(super) fn page(self, plan: &Plan) -> Page {
        let Self { grouping, mut groups, .. } = self;
        // Stable: groups that are equal in it stay in the order of their first rows.
        groups.sort_by(|a, b| {
            let mut sort = grouping.sort.iter().map(|&(part, descending)| {
                directed(&a.part(grouping, part), &b.part(grouping, part), descending)
            });
            sort.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
        let limit = if grouping.limited { plan.limit } else { groups.len() };
        let rows = groups.iter().skip(plan.after.skip()).take(limit).map(|group| {
            let columns = grouping.columns.iter();
            let columns = columns.map(|(name, part)| (name.clone(), group.part(grouping, *part)));
            Value::Object(columns.collect::<Map<_, _>>()).to_string()
        });
        Page { rows: rows.collect(), ..Page::default() }
    }
}

impl Group {
    fn part(&self, grouping: &Grouping, part: Part) -> Value {
        match part {
            Part::Key(index) => self.keys.get(index).cloned().unwrap_or_default(),
            Part::Aggregate(index) => {
                let total = self.totals.get(index).zip(grouping.aggregates.get(index));
                total.map(|(total, aggregate)| total.value(aggregate)).unwrap_or_default()
            }
        }
    }
}

impl Total {
    fn add(&mut self, aggregate: &Aggregate, view: &View) {
        let Aggregate::Of(function, expr) = aggregate else {
            self.count += 1;
            return;
        };
        let value = eval::value(expr, view);
        if value.is_null() {
            return;
        }
        match function {
            Function::Count => self.count += 1,
            Function::Sum | Function::Avg => {
                let Value::Number(number) = value.as_ref() else { return };
                self.count += 1;
                match (number.as_i64(), number.as_u64(), number.as_f64()) {
                    (Some(whole), _, _) => self.whole += i128::from(whole),
                    (None, Some(whole), _) => self.whole += i128::from(whole),
                    (None, None, float) => {
                        self.fraction += float.unwrap_or_default();
                        self.fractions += 1;
                    }
                }
            }
            Function::Min | Function::Max => {
                let order = directed(&value, &self.extreme, *function == Function::Max);
                if order.is_lt() {
                    self.extreme = value.into_owned();
                }
            }
        }
    }

    fn value(&self, aggregate: &Aggregate) -> Value {
        let sum = self.whole as f64 + self.fraction;
        match aggregate {
            Aggregate::Rows | Aggregate::Of(Function::Count, _) => self.count.into(),
            Aggregate::Of(Function::Min | Function::Max, _) => self.extreme.clone(),
            Aggregate::Of(_, _) if self.count == 0 => Value::Null,
            Aggregate::Of(Function::Avg, _) => float(sum / self.count as f64),
            Aggregate::Of(Function::Sum, _) => match i64::try_from(self.whole) {
                Ok(whole) if self.fractions == 0 => whole.into(),
                _ => float(sum),
            },
        }
    }
}

/// Null where JSON has no such number.
fn float(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}
