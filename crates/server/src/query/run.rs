//! Running a plan in a store.

use tidegate_model::Destination;
use tokio::sync::oneshot;

use super::execute::{Failure, Limits, Page, execute};
use super::plan::Plan;
use crate::clock;
use crate::store::{Store, StoreError};

/// Runs a plan in one snapshot of a store, within the limits of a request. Cancel safe: a dropped
/// run ends at its deadline and leaves nothing.
pub(crate) async fn run(store: &dyn Store, plan: Plan) -> Result<Page, Failure> {
    let limits = Limits::default();
    let (send, receive) = oneshot::channel();
    let object = plan.from.clone();
    let deadline = clock::monotonic() + limits.time;
    let reading = store.read(
        object,
        deadline,
        Box::new(move |source| {
            // Nobody waiting is fine: the client went away.
            drop(send.send(execute(&plan, source, deadline, &limits)));
            Ok(())
        }),
    );
    reading.await?;
    receive.await.unwrap_or(Err(Failure::Store(StoreError::Panicked)))
}

/// Whether an object ever had rows. Cancel safe.
pub(crate) async fn known(store: &dyn Store, object: Destination) -> Result<bool, StoreError> {
    let (send, receive) = oneshot::channel();
    let deadline = clock::monotonic() + Limits::default().time;
    let asked = object.clone();
    let reading = store.read(
        object,
        deadline,
        Box::new(move |source| {
            // Nobody waiting is fine: the client went away.
            send.send(source.known(&asked)?).ok();
            Ok(())
        }),
    );
    reading.await?;
    receive.await.map_err(|_| StoreError::Panicked)
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    use serde_json::{Value, json};

    use super::super::testing::{Memory, conditions, rows, sort_of};
    use super::super::{Plan, sql_query};
    use super::*;
    use crate::store::sqlite::SqliteStore;

    /// What SQL looks up must be what the evaluator wants: random conditions over rows in SQLite.
    #[tokio::test]
    async fn the_store_and_a_naive_evaluator_agree() {
        let dir = tempfile::tempdir().expect("directory");
        let store = SqliteStore::open(dir.path()).expect("open");
        let mut runner = TestRunner::deterministic();
        let mut written = Vec::new();
        for _ in 0..6 {
            for mut row in rows().new_tree(&mut runner).expect("rows").current() {
                row["experiment_id"] = "e".into();
                let body = json!({"rows": [row]}).to_string();
                let decoded = crate::ingest::decode(body.as_bytes()).expect("rows");
                let xact = store.write(decoded.writes, body.len()).await.expect("written");
                written.push((xact, row));
            }
        }
        let memory = Memory::written(written.into_iter());
        let mut found_any = 0;
        for _ in 0..300 {
            let condition = conditions().new_tree(&mut runner).expect("a condition").current();
            let sort = sort_of().new_tree(&mut runner).expect("a sort").current();
            let order = sort.as_ref().map(|sort| sort.sql()).unwrap_or_default();
            let text =
                format!("select * from experiment('e') where {} {order} limit 3", condition.sql());
            let mut query = sql_query(&text).expect(&text);
            let mut found: Vec<Value> = Vec::new();
            loop {
                let plan = Plan::of(query.clone()).expect(&text);
                let page = run(&store, plan).await.expect(&text);
                found.extend(
                    page.rows.iter().map(|row| serde_json::from_str::<Value>(row).expect("JSON")),
                );
                let Some(cursor) = page.cursor else { break };
                query.cursor = Some(cursor);
            }
            found_any += usize::from(!found.is_empty());
            assert_eq!(found, memory.naive(&condition, sort.as_ref()), "{text}");
        }
        assert!(found_any > 100, "{found_any}");
        store.close(Box::new(())).await;
    }

    #[tokio::test]
    async fn a_statement_ends_at_the_deadline() {
        let dir = tempfile::tempdir().expect("directory");
        let store = SqliteStore::open(dir.path()).expect("open");
        let rows: Vec<_> = (0..3_000)
            .map(|n| json!({"id": format!("r{n:05}"), "experiment_id": "e", "span_parents": ["p"]}))
            .collect();
        let body = json!({"rows": rows}).to_string();
        let decoded = crate::ingest::decode(body.as_bytes()).expect("rows");
        store.write(decoded.writes, body.len()).await.expect("written");
        // No row is a root, so SQLite alone looks at all of them.
        let plan = |text| Plan::of(sql_query(text).expect("query")).expect("plan");
        let roots = plan("select * from experiment('e') where is_root");
        let (send, receive) = oneshot::channel();
        let deadline = clock::monotonic();
        let reading = Box::new(move |source: &mut dyn crate::store::RowSource| {
            drop(send.send(execute(&roots, source, deadline, &Limits::default())));
            Ok(())
        });
        let object = tidegate_model::Destination::Experiment("e".into());
        store.read(object, deadline, reading).await.expect("read");
        let failure = receive.await.expect("an answer").expect_err("no time at all");
        assert!(matches!(failure, Failure::TooMuch { rows: 0, .. }), "{failure}");
        // The connection is used again, without that deadline.
        let page = run(&store, plan("select count(*) from experiment('e')")).await.expect("page");
        assert_eq!(page.rows, ["{\"count\":3000}"]);
        store.close(Box::new(())).await;
    }
}
