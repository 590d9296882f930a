//! Cases in groups, with the means of their scores and metrics.

use deadpool_postgres::Transaction;

use super::cases::each_that;
use super::figures;
use crate::store::index::grouping::{self, Grouping};
use crate::store::index::preview::hex;
use crate::store::{GroupBy, GroupQuery, Groups, Kind, StoreError};

/// Groups the cases of an object.
pub(super) async fn groups(
    on: &Transaction<'_>,
    object: i64,
    query: &GroupQuery,
) -> Result<Groups, StoreError> {
    let mut grouping: Grouping<(Kind, String)> = Grouping::default();
    let mut found: Vec<((Kind, String), f64)> = Vec::new();
    let with_documents = matches!(query.by, GroupBy::Metadata(_));
    each_that(on, object, &query.filter, with_documents, |record, document| {
        let keys = match (&query.by, document) {
            (GroupBy::Tag, _) => {
                let tags = record.tags.iter().map(|tag| figures::read_tag(tag));
                grouping::of_tags(&tags.collect::<Result<Vec<_>, _>>()?)
            }
            (GroupBy::InputHash, _) => vec![Some(hex(&record.input_hash))],
            (GroupBy::Metadata(path), Some(text)) => vec![grouping::of_member(text, path)?],
            (GroupBy::Metadata(_), None) => vec![None],
        };
        found.clear();
        for (kind, column) in [(Kind::Score, &record.scores), (Kind::Metric, &record.metrics)] {
            let figures = figures::read(column.as_deref())?.into_iter();
            found.extend(figures.map(|(name, value)| ((kind, name), value)));
        }
        grouping.add(keys, record.failed, &found);
        Ok(())
    })
    .await?;
    grouping.finish(query.limit, |figure| Ok(figure.clone()))
}
