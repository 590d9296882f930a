//! Questions about stored rows.

mod btql;
mod comparison;

pub(crate) use btql::{Paging, QueryError, RowQuery};
pub(crate) use comparison::compare;
