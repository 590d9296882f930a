use serde_json::json;
use tidegate_model::RowId;

use super::super::row_tables;
use super::super::writer::Session;
use super::*;
use crate::ingest;

/// A session on an empty database in memory.
fn session(limit: i64) -> Session {
    let mut connection = Connection::open_in_memory().expect("open");
    super::super::migrate::apply(&mut connection, 0).expect("migrate");
    super::super::objects::initialise(&connection).expect("initialise");
    Session::new(connection, limit).expect("session")
}

fn write(session: &mut Session, rows: &serde_json::Value) -> XactId {
    let body = json!({ "rows": rows }).to_string();
    let decoded = ingest::decode(body.as_bytes()).expect("valid rows");
    row_tables::write(session, decoded.writes).expect("written")
}

fn entries(session: &Session, after: i64) -> Vec<Entry> {
    match read_after(&session.connection, after, 1_000).expect("read") {
        Read::Entries(entries) => entries,
        Read::Gap => panic!("a gap after {after}"),
    }
}

fn number(session: &Session, id: &str) -> i64 {
    let RowId::Text(text) = RowId::from(id) else { panic!("a text id") };
    let sql = "SELECT number FROM rows WHERE row_id = ?1";
    session.connection.query_row(sql, [text.as_ref()], |row| row.get(0)).expect("a row")
}

fn gone(number: i64, trace: Trace) -> Deleted {
    Deleted { number, trace }
}

#[test]
fn every_write_is_noted_by_object() {
    let mut session = session(JOURNAL_BYTES);
    let trace = "000000000000000000000000000000ab";
    let first = write(
        &mut session,
        &json!([
            {"id": "a", "experiment_id": "e", "root_span_id": trace},
            {"id": "b", "experiment_id": "f", "root_span_id": "t"},
            {"id": "c", "experiment_id": "e"},
        ]),
    );
    let (a, b, c) = (number(&session, "a"), number(&session, "b"), number(&session, "c"));
    let read = entries(&session, 0);
    let (e, f) = (read[0].object, read[1].object);
    let changed = |rows: &[i64]| Rows { changed: rows.to_vec(), ..Rows::default() };
    assert_ne!(e, f);
    assert_eq!(
        read,
        [
            Entry { number: 1, object: e, xact: first, rows: changed(&[a, c]) },
            Entry { number: 2, object: f, xact: first, rows: changed(&[b]) },
        ]
    );

    // A delta, a replacement that moves to another trace, and deletions of rows there and not.
    write(
        &mut session,
        &json!([
            {"id": "a", "experiment_id": "e", "_is_merge": true, "root_span_id": "ignored"},
            {"id": "b", "experiment_id": "f", "root_span_id": "u"},
            {"id": "c", "experiment_id": "e", "_object_delete": true},
            {"id": "d", "experiment_id": "e", "_object_delete": true},
        ]),
    );
    write(&mut session, &json!([{"id": "a", "experiment_id": "e", "_object_delete": true}]));
    let [at_e, at_f, last] = entries(&session, 2).try_into().expect("three entries");
    let expected =
        Rows { all_deleted: false, changed: vec![a], deleted: vec![gone(c, Trace::None)] };
    assert_eq!(at_e.rows, expected);
    let left = vec![gone(b, Trace::Text("t".into()))];
    assert_eq!(at_f.rows, Rows { all_deleted: false, changed: vec![b], deleted: left });
    let left = vec![gone(a, Trace::Id(0xab_u128.to_be_bytes()))];
    assert_eq!(last.rows, Rows { deleted: left, ..Rows::default() });

    // A write that finds nothing to do is no entry.
    write(&mut session, &json!([{"id": "a", "experiment_id": "e", "_object_delete": true}]));
    assert_eq!(entries(&session, last.number), []);
}

#[test]
fn a_place_stays_valid_after_deleting_and_rolling_back() {
    let mut session = session(JOURNAL_BYTES);
    let row = |n: u32| json!([{"id": n.to_string(), "experiment_id": "e"}]);
    for n in 0..3 {
        write(&mut session, &row(n));
    }
    assert_eq!(delete_through(&session.connection, 2).expect("deleted"), 2);
    assert_eq!(entries(&session, 2).len(), 1);
    assert_eq!(delete_through(&session.connection, 3).expect("deleted"), 1);
    assert_eq!(entries(&session, 3), []);

    session.connection.execute_batch("SAVEPOINT job").expect("savepoint");
    write(&mut session, &row(3));
    session.connection.execute_batch("ROLLBACK TO job; RELEASE job").expect("rollback");
    session.rolled_back();
    write(&mut session, &row(4));
    let read = entries(&session, 3);
    assert_eq!(read.iter().map(|entry| entry.number).collect::<Vec<_>>(), [4]);
    assert_eq!(read[0].rows.changed, [number(&session, "4")]);
}

#[test]
fn a_place_that_is_not_in_the_journal_is_a_gap() {
    let mut session = session(JOURNAL_BYTES);
    let read = |session: &Session, after| read_after(&session.connection, after, 10).expect("read");
    assert_eq!(read(&session, 0), Read::Entries(Vec::new()));
    assert_eq!(read(&session, 1), Read::Gap);
    for n in 0..3 {
        write(&mut session, &json!([{"id": n.to_string(), "experiment_id": "e"}]));
    }
    delete_through(&session.connection, 2).expect("deleted");
    for (after, gap) in [(0, true), (1, true), (2, false), (3, false), (4, true)] {
        assert_eq!(read(&session, after) == Read::Gap, gap, "after {after}");
    }
    assert_eq!(newest(&session.connection).expect("newest"), 3);
}

#[test]
fn without_a_follower_the_journal_stays_within_its_limit() {
    let limit = 4_000;
    let mut session = session(limit);
    let held = |session: &Session| -> (i64, i64, i64) {
        let sql = "SELECT coalesce(sum(length(rows) + 32), 0), min(number), max(number)
                   FROM changes";
        session
            .connection
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .expect("sum")
    };
    for n in 0..2_000 {
        write(&mut session, &json!([{"id": n.to_string(), "experiment_id": "e"}]));
        session.journal.trim(&session.connection).expect("trim");
        // What is appended between two looks comes on top.
        assert!(held(&session).0 <= 2 * limit + 100, "{:?}", held(&session));
    }
    let (bytes, oldest, newest) = held(&session);
    assert!(bytes > limit / 2 && newest == 2_000, "{bytes} {newest}");
    assert_eq!(read_after(&session.connection, oldest - 2, 1).expect("read"), Read::Gap);
    assert_eq!(entries(&session, oldest - 1)[0].number, oldest);
}

#[test]
fn the_end_of_an_object_covers_what_was_noted_before() {
    let mut session = session(JOURNAL_BYTES);
    let mut touched = Touched::default();
    touched.changed(7, 1);
    touched.deleted(7, 2, Trace::None);
    touched.all_deleted(7);
    touched.changed(7, 3);
    touched.all_deleted(8);
    let xact = session.next_xact();
    touched.append(&session.connection, &mut session.journal, xact).expect("appended");
    let read = entries(&session, 0);
    let after = Rows { all_deleted: true, changed: vec![3], deleted: Vec::new() };
    assert_eq!(read[0], Entry { number: 1, object: 7, xact, rows: after });
    assert_eq!(read[1].rows, Rows { all_deleted: true, ..Rows::default() });
}
