use serde_json::json;
use tidegate_model::Destination;

use super::super::ast::{Comparison, Step};
use super::*;

fn path(steps: &[&str]) -> Expr {
    Expr::Path(steps.iter().map(|step| Step::Member((*step).into())).collect())
}

fn compare(comparison: Comparison, left: Expr, value: Value) -> Expr {
    Expr::Compare(comparison, Box::new(left), Box::new(Expr::Literal(value)))
}

fn refused(text: &str) -> String {
    query(text).expect_err(text).to_string()
}

#[test]
fn a_whole_query_is_read() {
    let read =
        query("select id, metrics.tokens * from dataset('d')".replace(" *", " as t").as_str())
            .expect("columns");
    let Select::Columns(columns) = &read.select else { panic!("columns") };
    assert_eq!(columns[1].name, "t");
    let read = query(
        "SELECT * FROM Dataset('d''1') WHERE a.b = 'x' AND NOT (c >= 2.5 OR \"order\" IS NOT NULL)
         ORDER BY created DESC, id LIMIT 7 OFFSET 2;",
    )
    .expect("read");
    assert_eq!(read.from, Destination::Dataset("d'1".into()));
    assert_eq!((read.limit, read.offset, &read.select), (Some(7), 2, &Select::Star));
    let not = |expr| Expr::Not(Box::new(expr));
    let expected = Expr::And(vec![
        compare(Comparison::Eq, path(&["a", "b"]), json!("x")),
        not(Expr::Or(vec![
            compare(Comparison::Ge, path(&["c"]), json!(2.5)),
            not(Expr::IsNull(Box::new(path(&["order"])))),
        ])),
    ]);
    assert_eq!(read.filter, Some(expected));
    let sort: Vec<_> = read.sort.iter().map(|sort| sort.descending).collect();
    assert_eq!(sort, [true, false]);
}

#[test]
fn conditions_of_every_kind() {
    let a = || Box::new(path(&["a"]));
    let not = |expr| Expr::Not(Box::new(expr));
    let between = Expr::And(vec![
        compare(Comparison::Ge, path(&["a"]), json!(-1)),
        compare(Comparison::Le, path(&["a"]), json!(2)),
    ]);
    let like = |ignore_case| Expr::Like { text: a(), pattern: "x%".into(), ignore_case };
    let contains = || Expr::Contains(a(), Box::new(Expr::Literal(json!("x"))));
    for (text, expected) in [
        ("a <> 1", compare(Comparison::Ne, path(&["a"]), json!(1))),
        ("a != null", compare(Comparison::Ne, path(&["a"]), json!(null))),
        ("a in ('x', 2, true)", Expr::In(a(), vec![json!("x"), json!(2), json!(true)])),
        ("a not in ['x']", not(Expr::In(a(), vec![json!("x")]))),
        ("a is null", Expr::IsNull(a())),
        ("a between -1 and 2", between),
        ("a like 'x%'", like(false)),
        ("a not ilike 'x%'", not(like(true))),
        ("a includes 'x'", contains()),
        ("a not contains 'x'", not(contains())),
        ("not a", not(path(&["a"]))),
        ("not not a", not(not(path(&["a"])))),
        ("((a))", path(&["a"])),
        ("a.end.\"b c\"", path(&["a", "end", "b c"])),
        (
            "a[0]['x']",
            Expr::Path(vec![Step::Member("a".into()), Step::Index(0), Step::Member("x".into())]),
        ),
    ] {
        assert_eq!(expression(text).expect(text).0, expected, "{text}");
    }
}

#[test]
fn aggregates_and_groups() {
    let read = query(
        "select metadata.model model, count(*), avg(scores.exact) as mean from experiment('e')
         group by model order by mean desc, count(*)",
    )
    .expect("read");
    let Select::Columns(columns) = &read.select else { panic!("columns") };
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["model", "count", "mean"]);
    assert_eq!(columns[1].term, Term::Aggregate(Aggregate::Rows));
    assert_eq!((read.group.len(), read.sort.len()), (1, 2));
}

#[test]
fn refusals_name_line_and_column() {
    let from = " from dataset('d')";
    for (text, expected) in [
        ("delete from x".to_owned(), "line 1, column 1: expected select, found delete"),
        ("select *\nform dataset('d')".into(), "line 2, column 1: expected from, found form"),
        (format!("select *{from} where a = "), "column 38: expected a value, found the end"),
        (format!("select *{from} where a b"), "column 36: expected the end of the query, found b"),
        (format!("select *{from} limit 0"), "column 34: limit must be above zero"),
        (format!("select *{from} limit x"), "expected a whole number, found x"),
        (format!("select *, a{from}"), "expected from, found ,"),
        (format!("select a, a{from}"), "column 11: two columns are named \"a\""),
        (format!("select a > 1{from}"), "column 8: this column needs a name"),
        (format!("select distinct a{from}"), "distinct is not supported"),
        (format!("select sum(*){from}"), "sum needs a value"),
        (format!("select *{from} where len(a) > 1"), "unknown function \"len\""),
        (format!("select *{from} where count(a) > 1"), "belongs into select"),
        (format!("select *{from} where a + 1 > 2"), "expected the end of the query, found +"),
        (format!("select *{from} having a"), "having is not supported"),
        (format!("select *{from} order by a nulls first"), "they come last"),
        (format!("select *{from} where a like b"), "expected a pattern in single quotes"),
        (format!("select *{from} where a in ()"), "expected a text, a number or a constant"),
        (format!("select *{from} where (a = 1) between 0 and 2"), "between needs a member"),
        (format!("select *{from} where a is 1"), "expected null, found 1"),
        (format!("select *{from} where select = 1"), "quote it if it is a name"),
        ("select * from dataset".into(), "expected an object"),
        ("select * from prompts('p')".into(), "column 15: unknown object \"prompts\""),
        ("select * from dataset('a', 'b')".into(), "only one object"),
        ("select * from dataset('')".into(), "the id of the object is empty"),
        ("select * from experiment('e') traces".into(), "expected the end of the query"),
    ] {
        let message = refused(&text);
        assert!(message.contains(expected), "{text}: {message}");
        assert!(message.starts_with("line "), "{message}");
    }
}

#[test]
fn what_is_too_deep_or_too_long_is_refused() {
    let from = "select * from dataset('d') where ";
    for (unit, end) in [("(", ""), ("not (", ""), ("a in (1) and (", "")] {
        let message = refused(&format!("{from}{}{end}", unit.repeat(3_000)));
        assert!(message.contains("deep"), "{message}");
    }
    let many = format!("{from}a in ({}1)", "1,".repeat(6_000));
    assert!(refused(&many).contains("parts"));
    let chain = format!("{from}{}a", "a or ".repeat(6_000));
    assert!(refused(&chain).contains("parts"));
    let nots = format!("{from}{}a", "not ".repeat(4_000));
    query(&nots).expect("counted, not nested");
    assert!(refused(&format!("{from}a{}", ".b".repeat(100))).contains("steps"));
    assert!(refused(&format!("{from}a like '{}'", "%".repeat(300))).contains("characters"));
}
