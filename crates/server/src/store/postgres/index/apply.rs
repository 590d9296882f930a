//! Bringing an object's part of the index up to what its rows are now.
//!
//! Everything is derived from the present state, never from what an entry says happened: doing a
//! piece of work twice, or in another order, ends in the same index. What is committed meanwhile
//! has an entry of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use deadpool_postgres::Transaction;
use futures_util::TryStreamExt as _;
use tokio_postgres::types::ToSql;

use super::figures;
use crate::store::StoreError;
use crate::store::index::attachments;
use crate::store::index::deltas::{Before, Delta};
use crate::store::index::extract::{Extract, Extraction, Facts, input_hash};
use crate::store::index::skeleton::Skeleton;
use crate::store::index::words;
use crate::store::postgres::{columns, database};

/// What has to be looked at again, of one object.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// As in `rows.trace`.
    pub(super) traces: BTreeSet<Vec<u8>>,
    /// Rows whose text may have changed, or that may be gone, by `rows.number`.
    pub(super) rows: BTreeSet<i64>,
    /// Earlier states, by `row_versions.number`.
    pub(super) earlier: BTreeSet<i64>,
}

/// What is stored of rows by their number.
#[derive(Debug, Default)]
struct Texts {
    numbers: Vec<i64>,
    words: Vec<String>,
    gone: Vec<i64>,
    named: Named,
}

/// Attachments that rows name: the key, whether an earlier state names it, and the number.
#[derive(Debug, Default)]
struct Named {
    keys: Vec<String>,
    earlier: Vec<bool>,
    numbers: Vec<i64>,
}

impl Named {
    fn add(&mut self, earlier: bool, number: i64, text: &str) {
        // A key with a NUL is none: uploads are rows with texts as well.
        for key in attachments::keys(text).into_iter().filter(|key| !key.contains('\0')) {
            self.keys.push(key);
            self.earlier.push(earlier);
            self.numbers.push(number);
        }
    }
}

impl Texts {
    fn add(&mut self, object: i64, number: i64, text: &str, row: &Skeleton<'_>) {
        self.numbers.push(number);
        self.words.push(words::body(object, row));
        self.named.add(false, number, text);
    }
}

/// Does the work, inside a transaction of the caller's that has the object's lock.
pub(super) async fn apply(
    on: &Transaction<'_>,
    object: i64,
    mut work: Work,
) -> Result<(), StoreError> {
    let mut texts = Texts::default();
    let traces: Vec<Vec<u8>> = work.traces.into_iter().collect();
    let extracts = extract(on, object, &traces, &mut work.rows, &mut texts).await?;
    // Rows that are gone, or elsewhere by now.
    refresh(on, object, work.rows, &mut texts).await?;
    let earlier: Vec<i64> = work.earlier.into_iter().collect();
    read_earlier(on, object, &earlier, &mut texts.named).await?;
    let delta = difference(on, object, &traces, &extracts).await?;
    // Sent one after the other without waiting for the answers in between.
    futures_util::try_join!(
        put_traces(on, object, &traces, &extracts),
        put_sums(on, object, &delta),
        put_minutes(on, object, &delta),
        put_words(on, object, &texts),
        put_named(on, object, &texts, &earlier),
    )?;
    Ok(())
}

/// Reads the rows of traces, and takes out of `wanted` what it comes across.
async fn extract(
    on: &Transaction<'_>,
    object: i64,
    traces: &[Vec<u8>],
    wanted: &mut BTreeSet<i64>,
    texts: &mut Texts,
) -> Result<BTreeMap<Vec<u8>, Extract>, StoreError> {
    // OFFSET 0 keeps the join one look at the index after the other: trace by trace, so that
    // memory, here and there, holds the rows of one.
    let sql = "SELECT found.* FROM unnest($2::bytea[]) AS wanted (trace), LATERAL (
          SELECT trace, number, created_us, xact, is_root, document FROM rows
          WHERE object = $1 AND rows.trace = wanted.trace OFFSET 0) AS found";
    let mut extracts = BTreeMap::new();
    if traces.is_empty() {
        return Ok(extracts);
    }
    let statement = on.prepare_cached(sql).await?;
    let values: [&(dyn ToSql + Sync); 2] = [&object, &traces];
    let mut rows = pin!(on.query_raw(&statement, values).await?);
    let mut present: Option<(Vec<u8>, Extraction)> = None;
    while let Some(row) = rows.try_next().await? {
        let trace: &[u8] = row.get(0);
        if present.as_ref().is_none_or(|(of, _)| of != trace) {
            let before = present.replace((trace.to_owned(), Extraction::default()));
            extracts.extend(before.and_then(|(trace, rows)| Some((trace, rows.finish()?))));
        }
        let facts = Facts {
            number: row.get(1),
            created_us: row.get(2),
            xact: row.get(3),
            is_root: row.get(4),
        };
        let text = columns::text(row.get(5))?;
        let skeleton = Skeleton::of(&text)?;
        if wanted.remove(&facts.number) {
            texts.add(object, facts.number, &text, &skeleton);
        }
        if let Some((_, extraction)) = &mut present {
            extraction.add(facts, skeleton)?;
        }
    }
    extracts.extend(present.and_then(|(trace, rows)| Some((trace, rows.finish()?))));
    Ok(extracts)
}

async fn refresh(
    on: &Transaction<'_>,
    object: i64,
    mut numbers: BTreeSet<i64>,
    texts: &mut Texts,
) -> Result<(), StoreError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let statement = on
        .prepare_cached("SELECT number, document FROM rows WHERE object = $1 AND number = ANY($2)")
        .await?;
    let wanted: Vec<i64> = numbers.iter().copied().collect();
    let values: [&(dyn ToSql + Sync); 2] = [&object, &wanted];
    let mut rows = pin!(on.query_raw(&statement, values).await?);
    while let Some(row) = rows.try_next().await? {
        let number = row.get(0);
        let text = columns::text(row.get(1))?;
        texts.add(object, number, &text, &Skeleton::of(&text)?);
        numbers.remove(&number);
    }
    texts.gone.extend(numbers);
    Ok(())
}

async fn read_earlier(
    on: &Transaction<'_>,
    object: i64,
    numbers: &[i64],
    named: &mut Named,
) -> Result<(), StoreError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let statement = on
        .prepare_cached(
            "SELECT number, document FROM row_versions WHERE object = $1 AND number = ANY($2)",
        )
        .await?;
    let values: [&(dyn ToSql + Sync); 2] = [&object, &numbers];
    let mut rows = pin!(on.query_raw(&statement, values).await?);
    while let Some(row) = rows.try_next().await? {
        named.add(true, row.get(0), &columns::text(row.get(1))?);
    }
    Ok(())
}

/// How the object's sums change.
async fn difference(
    on: &Transaction<'_>,
    object: i64,
    traces: &[Vec<u8>],
    extracts: &BTreeMap<Vec<u8>, Extract>,
) -> Result<Delta, StoreError> {
    let mut delta = Delta::default();
    let sql = "SELECT created_us, root IS NOT NULL, rows, failed FROM traces
        WHERE object = $1 AND trace = ANY($2)";
    for row in database::rows(on, sql, &[&object, &traces]).await? {
        delta.remove(Before {
            created_us: row.get(0),
            has_root: row.get(1),
            rows: row.get(2),
            failed: row.get(3),
        });
    }
    extracts.values().for_each(|extract| delta.add(extract));
    Ok(delta)
}

async fn put_traces(
    on: &Transaction<'_>,
    object: i64,
    traces: &[Vec<u8>],
    extracts: &BTreeMap<Vec<u8>, Extract>,
) -> Result<(), StoreError> {
    if extracts.len() < traces.len() {
        let gone: Vec<&[u8]> =
            traces.iter().filter(|t| !extracts.contains_key(*t)).map(Vec::as_slice).collect();
        let sql = "DELETE FROM traces WHERE object = $1 AND trace = ANY($2)";
        database::run(on, sql, &[&object, &gone]).await?;
    }
    if extracts.is_empty() {
        return Ok(());
    }
    let figures: Vec<_> =
        extracts.values().map(|extract| extract.trial.as_ref().map(figures::columns)).collect();
    let traces: Vec<&[u8]> = extracts.keys().map(Vec::as_slice).collect();
    let created: Vec<i64> = extracts.values().map(|e| e.created_us).collect();
    let roots: Vec<Option<i64>> = extracts.values().map(|e| e.root).collect();
    let rows: Vec<i64> = extracts.values().map(|e| e.rows).collect();
    let spans: Vec<i64> = extracts.values().map(|e| e.spans).collect();
    let failed: Vec<bool> = extracts.values().map(|e| e.failed).collect();
    let hashes: Vec<Option<Vec<u8>>> = extracts
        .values()
        .map(|e| e.trial.as_ref().map(|trial| input_hash(&trial.case_key).to_vec()))
        .collect();
    let scores: Vec<Option<&str>> =
        figures.iter().map(|f| f.as_ref().map(|(scores, _)| scores.as_str())).collect();
    let metrics: Vec<Option<&str>> =
        figures.iter().map(|f| f.as_ref().map(|(_, metrics)| metrics.as_str())).collect();
    let tags: Vec<Option<String>> =
        extracts.values().map(|e| e.tags.as_deref().and_then(figures::tags)).collect();
    // Of equal states none is written.
    let sql = "INSERT INTO traces AS old (object, trace, created_us, root, rows, spans, failed,
            input_hash, scores, metrics, tags)
        SELECT $1, trace, created_us, root, rows, spans, failed, input_hash, scores::jsonb,
            metrics::jsonb, string_to_array(tags, U&'\\0001')
        FROM unnest($2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
            $7::boolean[], $8::bytea[], $9::text[], $10::text[], $11::text[])
          AS new (trace, created_us, root, rows, spans, failed, input_hash, scores, metrics, tags)
        ON CONFLICT (object, trace) DO UPDATE SET created_us = excluded.created_us,
            root = excluded.root, rows = excluded.rows, spans = excluded.spans,
            failed = excluded.failed, input_hash = excluded.input_hash,
            scores = excluded.scores, metrics = excluded.metrics, tags = excluded.tags";
    let values: database::Values<'_> = &[
        &object, &traces, &created, &roots, &rows, &spans, &failed, &hashes, &scores, &metrics,
        &tags,
    ];
    database::run(on, sql, values).await?;
    Ok(())
}

async fn put_sums(on: &Transaction<'_>, object: i64, delta: &Delta) -> Result<(), StoreError> {
    let Delta { traces, cases, rows, errors, xact, .. } = delta;
    let sql = "INSERT INTO tallies AS old (object, traces, cases, rows, errors, xact, version)
        VALUES ($1, $2, $3, $4, $5, $6, 1)
        ON CONFLICT (object) DO UPDATE SET traces = old.traces + $2, cases = old.cases + $3,
          rows = old.rows + $4, errors = old.errors + $5, xact = greatest(old.xact, $6),
          version = old.version + 1";
    database::run(on, sql, &[&object, traces, cases, rows, errors, xact]).await?;
    Ok(())
}

async fn put_minutes(on: &Transaction<'_>, object: i64, delta: &Delta) -> Result<(), StoreError> {
    let changed: Vec<_> = delta.minutes.iter().filter(|(_, change)| **change != (0, 0)).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let minutes: Vec<i64> = changed.iter().map(|(minute, _)| **minute).collect();
    let cases: Vec<i64> = changed.iter().map(|(_, (cases, _))| *cases).collect();
    let errors: Vec<i64> = changed.iter().map(|(_, (_, errors))| *errors).collect();
    let sql = "INSERT INTO minutes AS old (object, minute, cases, errors)
        SELECT $1, minute, cases, errors FROM unnest($2::bigint[], $3::bigint[], $4::bigint[])
          AS new (minute, cases, errors)
        ON CONFLICT (object, minute) DO UPDATE SET cases = old.cases + excluded.cases,
          errors = old.errors + excluded.errors";
    database::run(on, sql, &[&object, &minutes, &cases, &errors]).await?;
    if cases.iter().any(|cases| *cases < 0) {
        let sql = "DELETE FROM minutes WHERE object = $1 AND minute = ANY($2) AND cases = 0";
        database::run(on, sql, &[&object, &minutes]).await?;
    }
    Ok(())
}

async fn put_words(on: &Transaction<'_>, object: i64, texts: &Texts) -> Result<(), StoreError> {
    if !texts.gone.is_empty() {
        let sql = "DELETE FROM row_words WHERE object = $1 AND number = ANY($2)";
        database::run(on, sql, &[&object, &texts.gone]).await?;
    }
    if texts.numbers.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO row_words AS old (object, number, words)
        SELECT $1, number, array_to_tsvector(string_to_array(words, ' '))
        FROM unnest($2::bigint[], $3::text[]) AS new (number, words)
        ON CONFLICT (object, number) DO UPDATE SET words = excluded.words
          WHERE old.words IS DISTINCT FROM excluded.words";
    database::run(on, sql, &[&object, &texts.numbers, &texts.words]).await?;
    Ok(())
}

async fn put_named(
    on: &Transaction<'_>,
    object: i64,
    texts: &Texts,
    earlier: &[i64],
) -> Result<(), StoreError> {
    let sql = "DELETE FROM attachments WHERE object = $1
        AND (NOT earlier AND number = ANY($2) OR earlier AND number = ANY($3))";
    let seen: Vec<i64> = texts.numbers.iter().chain(&texts.gone).copied().collect();
    // Most stores have none, and this looks at nothing then.
    database::run(on, sql, &[&object, &seen, &earlier]).await?;
    let Named { keys, earlier, numbers } = &texts.named;
    if keys.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO attachments (key, object, earlier, number)
        SELECT key, $1, earlier, number FROM unnest($2::text[], $3::boolean[], $4::bigint[])
          AS new (key, earlier, number)
        ON CONFLICT DO NOTHING";
    database::run(on, sql, &[&object, keys, earlier, numbers]).await?;
    Ok(())
}
