//! The replies that the web page reads, for the test that writes their types.

use tidegate_analysis::explain::Explanation;
use ts_rs::TypeVisitor;

use super::{api_keys, comparison, figures, lists, location, sign_in};
use crate::store::Changed;

/// Visits all of them.
pub(crate) fn visit(visitor: &mut impl TypeVisitor) {
    visitor.visit::<lists::Projects>();
    visitor.visit::<lists::Experiments>();
    visitor.visit::<tidegate_analysis::statistics::Estimate>();
    visitor.visit::<lists::Cases>();
    visitor.visit::<lists::Found>();
    visitor.visit::<comparison::Comparison>();
    visitor.visit::<figures::HistogramReply>();
    visitor.visit::<figures::GroupsReply>();
    visitor.visit::<figures::VersionsReply>();
    visitor.visit::<Changed>();
    visitor.visit::<sign_in::SessionReply>();
    visitor.visit::<api_keys::KeysReply>();
    visitor.visit::<api_keys::NewKeyReply>();
    visitor.visit::<api_keys::KeyWanted>();
    visitor.visit::<location::Location>();
    visitor.visit::<Explanation>();
}
