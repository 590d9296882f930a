use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

/// Cases before the first error, and the error without the name of the file.
fn read<I: DeserializeOwned, E: DeserializeOwned>(
    content: impl AsRef<[u8]>,
    set: impl FnOnce(Csv<I, E>) -> Csv<I, E>,
) -> (Vec<Case<I, E>>, Option<String>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cases.csv");
    std::fs::write(&path, content).unwrap();
    let (mut cases, mut errors) = (Vec::new(), Vec::new());
    for case in set(csv(&path)) {
        match case {
            Ok(case) => cases.push(case),
            Err(error) => errors.push(error.to_string()),
        }
    }
    assert!(errors.len() <= 1, "reading goes on after {errors:?}");
    let prefix = format!("{}:", path.display());
    let error = errors.pop();
    (cases, error.map(|error| error.strip_prefix(&prefix).unwrap_or(&error).to_owned()))
}

fn error(content: impl AsRef<[u8]>) -> String {
    read::<String, String>(content, |csv| csv).1.expect("an error")
}

#[test]
fn reads_every_column_quotes_line_ends_and_a_byte_order_mark() {
    let (cases, error) = read::<String, String>(
        "\u{feff}input,expected,id,tags,trials,metadata.k, metadata.l\r\n\
         \"two\r\nlines, \"\"quoted\"\"\",b,1,\"x, y,x\",2,v,\r\n\
         \n  \n\
         6\" pipe,,,\"[\"\"a,b\"\"]\",,,\"\"\n\
         \"\",\"\",,,,,",
        |csv| csv,
    );
    assert_eq!(error, None);
    let first = Case::new("two\r\nlines, \"quoted\"".to_owned()).expected("b".to_owned());
    let first = first.id("1").tags(["x", "y"]).trials(2).metadata("k", &"v");
    let second = Case::new("6\" pipe".to_owned()).maybe_expected(None).tags(["a,b"]);
    let third = Case::new(String::new()).expected(String::new());
    assert_eq!(cases, [first, second.metadata("l", &""), third]);
}

#[test]
fn names_line_column_and_reason_of_what_is_wrong() {
    let places = "input,expected\na,\"b\nb\"\n";
    let after = |rest: &[u8]| error([places.as_bytes(), rest].concat());
    assert_eq!(after(b"c,\"d\ne\n"), "4:3: the quotation that begins here has no end");
    assert_eq!(after(b"c\n"), "4:1: the record has 1 cells, and the header 2");
    assert_eq!(after(b"c,d,e,f\n"), "4:5: the record has 4 cells, and the header 2");
    assert!(after(b"\"c\"d,e\n").starts_with("4:4: text after the end of a quotation"));
    assert!(after(b"c\rd,e\n").starts_with("4:2: a carriage return that ends no line"));
    assert_eq!(after(b"c,\xff\n"), "4:3: text is not UTF-8; convert the file");
    assert!(after(b",d\n").starts_with("4:1: in \"input\": the cell is empty; write \"\""));
    let numbers = read::<u8, Vec<u8>>("input,expected\n1,[2]\n 3 ,\"[4] 5\"\n", |csv| csv);
    assert_eq!(numbers.0, [Case::new(1).expected(vec![2])]);
    let reason = numbers.1.unwrap();
    assert!(reason.starts_with("3:5: in \"expected\": the cell is not JSON"), "{reason}");
    assert_eq!(
        read::<u8, ()>("input\n256\n", |csv| csv).1.unwrap(),
        "2:1: in \"input\": \"256\" is not a number from 0 to 255"
    );
    assert_eq!(error("input,trials\na,0\n"), "2:3: in \"trials\": \"0\" is not a number of trials");
}

#[test]
fn headers_that_cannot_be_understood_are_refused() {
    assert!(error("").starts_with("1:1: the file is empty"));
    assert!(error("input,expcted\na,b\n").starts_with("1:7: unknown column \"expcted\"; known"));
    assert!(error("input;expected\na;b\n").ends_with("or set the separator to ';'"));
    assert!(error("expected\na\n").ends_with("no column is the input; there are expected"));
    assert!(error("input,,id\n").starts_with("1:7: a column has no name"));
    assert!(error("input,id,input\n").ends_with("\"input\" and \"input\" are both the input"));
    assert!(error("input,input.a\n").contains("a column input and one for a member"));
    let renamed = |from: &'static str, to: &'static str| {
        read::<String, ()>("q,id\na,b\n", |csv| csv.rename(from, to)).1.unwrap()
    };
    assert!(renamed("Q", "input").contains("unknown column \"q\""));
    assert!(renamed("q", "inputs").contains("\"q\" cannot be read as \"inputs\""));
    let missing = read::<String, ()>("input\na\n", |csv| csv.rename("id2", "id")).1.unwrap();
    assert_eq!(missing, "1:1: no column is named \"id2\"; there are input");
    let mut cases = csv::<String, String>("no/such/file.csv");
    let error = cases.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "cannot open no/such/file.csv");
    assert!(cases.next().is_none());
}

#[derive(Debug, Deserialize, PartialEq)]
struct Question {
    text: String,
    limit: Option<u32>,
    kind: Kind,
    exact: bool,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Open,
    Closed { choices: Vec<String> },
}

#[test]
fn cells_are_read_as_what_the_type_asks_for() {
    let (cases, error) = read::<Question, f64>(
        "input.text,input.limit,input.kind,input.exact,answer,topic\n\
         a,7,open,TRUE,0.5,x\n\
         b,,\"{\"\"closed\"\":{\"\"choices\"\":[\"\"y\"\"]}}\",0,,\n",
        |csv| csv.rename("answer", "expected").others_as_metadata(),
    );
    assert_eq!(error, None);
    let question =
        |text: &str, limit, kind, exact| Question { text: text.into(), limit, kind, exact };
    let closed = Kind::Closed { choices: vec!["y".into()] };
    let first = Case::new(question("a", Some(7), Kind::Open, true)).expected(0.5);
    let second = Case::new(question("b", None, closed, false)).maybe_expected(None);
    assert_eq!(cases, [first.metadata("topic", &"x"), second]);
    let wrong = read::<Question, ()>("input.text,input.exact,other\na,maybe,1\n", |csv| {
        csv.ignore_others()
    });
    assert_eq!(
        wrong.1.unwrap(),
        "2:1: in the columns input.*: \"maybe\" is neither true nor false"
    );
}

#[test]
fn values_of_any_type_are_text_unless_json_is_asked_for() {
    let content = "input,expected,metadata.n\n007,\"{\"\"a\"\":1}\",1\n7,,null\nseven,true,\n";
    let (plain, error) = read::<Value, Value>(content, |csv| csv);
    assert_eq!(error, None);
    let first = Case::new(json!("007")).expected(json!("{\"a\":1}")).metadata("n", &"1");
    let second = Case::new(json!("7")).maybe_expected(None).metadata("n", &"null");
    assert_eq!(plain, [first, second, Case::new(json!("seven")).expected(json!("true"))]);
    let (typed, error) = read::<Value, Value>(content, Csv::json_cells);
    assert_eq!(error, None);
    let first = Case::new(json!("007")).expected(json!({"a": 1})).metadata("n", &1);
    let second = Case::new(json!(7)).maybe_expected(None).metadata("n", &Value::Null);
    assert_eq!(typed, [first, second, Case::new(json!("seven")).expected(json!(true))]);
    let spread =
        read::<BTreeMap<String, Value>, ()>("input.a;input.b\n1;\n", |csv| csv.separator(';'));
    let wanted = [("a".to_owned(), json!("1")), ("b".to_owned(), Value::Null)];
    assert_eq!(spread, (vec![Case::new(wanted.into()).maybe_expected(None)], None));
}

#[test]
fn any_record_reads_back_as_it_was_written() {
    use proptest::prelude::*;
    let cell = "[a\",\n\r; é]{0,6}";
    let strategy = proptest::collection::vec((cell, cell), 1..6);
    // Each writes a file.
    proptest!(ProptestConfig::with_cases(64), |(cells in strategy)| {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut content = "input,expected\n".to_owned();
        for (input, expected) in &cells {
            content.push_str(&format!("{},{}\r\n", quoted(input), quoted(expected)));
        }
        let (cases, error) = read::<String, String>(content, |csv| csv);
        prop_assert_eq!(error, None);
        let wanted: Vec<_> = cells.into_iter().map(|(i, e)| Case::new(i).expected(e)).collect();
        prop_assert_eq!(cases, wanted);
    });
}
