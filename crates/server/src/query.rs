//! Questions about stored rows.
//!
//! A query goes from one of two front ends ([`json`], [`sql`]) as one tree ([`ast`]) into a
//! [`plan`], and is run over the rows that a store streams: the store looks up what it has indexes
//! for, the rest is evaluated here ([`eval`]), so every store gives the same answers.

mod ast;
mod comparison;
mod cursor;
mod eval;
mod execute;
mod fetch;
mod groups;
mod json;
mod json_expr;
mod lex;
mod like;
mod narrow;
mod place;
mod plan;
mod project;
mod run;
mod sorted;
mod sql;
mod sql_expr;
#[cfg(test)]
pub(crate) mod testing;
mod values;

pub(crate) use ast::{Query, QueryError};
pub(crate) use comparison::compare;
pub(crate) use execute::{Failure, Page};
pub(crate) use fetch::Paging;
pub(crate) use json::request;
pub(crate) use plan::Plan;
pub(crate) use run::{known, run};
pub(crate) use sql::query as sql_query;
