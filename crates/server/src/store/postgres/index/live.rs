//! What the store answers from the index alone.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tidegate_model::{Destination, XactId};

use crate::store::postgres::{PostgresStore, versions};
use crate::store::{
    Answer, Changed, DatasetVersion, Elsewhere, FigureStore, GroupQuery, Groups, Histogram,
    HistogramQuery, Listed, LiveStore, Touched,
};

impl LiveStore for PostgresStore {
    fn touched(&self) -> Arc<Touched> {
        Arc::clone(&self.touched)
    }

    fn elsewhere(&self) -> Arc<Elsewhere> {
        self.notices.elsewhere()
    }

    fn tallied(&self, objects: Vec<i64>) -> Answer<'_, Vec<Changed>> {
        self.index.tallied(objects).boxed()
    }
}

impl FigureStore for PostgresStore {
    fn histogram(
        &self,
        destination: Destination,
        query: HistogramQuery,
    ) -> Answer<'_, Listed<Histogram>> {
        async move {
            let object = destination.clone();
            self.counted(Some(&object), self.index.histogram(destination, query)).await
        }
        .boxed()
    }

    fn groups(&self, destination: Destination, query: GroupQuery) -> Answer<'_, Listed<Groups>> {
        async move {
            let object = destination.clone();
            self.counted(Some(&object), self.index.groups(destination, query)).await
        }
        .boxed()
    }

    fn dataset_versions(
        &self,
        dataset_id: String,
        before: Option<XactId>,
        limit: usize,
    ) -> Answer<'_, Vec<DatasetVersion>> {
        async move {
            let dataset = Destination::Dataset(dataset_id.clone());
            let history = versions::history(&self.database, &dataset_id, before, limit);
            self.counted(Some(&dataset), history).await
        }
        .boxed()
    }
}
