//! `tidegate plan`: how many cases the next comparison needs.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::runs::{RECIPE, Recipe, on, record};

#[test]
fn a_plan_starts_from_the_base_if_there_is_one() {
    let data = TempDir::new().expect("a directory");
    record(data.path(), Recipe { wrong: &[1, 2, 3, 4, 5, 6, 8, 9, 10, 11], ..RECIPE });
    let (code, text, said) = on(data.path(), &["plan", "base", "--effect", "0.05", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let first: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(first["base"], Value::Null);
    let exact = |plan: &Value| -> Value {
        let lines = plan["plan"].as_array().expect("an array");
        lines.iter().find(|line| line["name"] == "exact").expect("planned").clone()
    };
    let line = exact(&first);
    assert_eq!((&line["basis"], &line["cases"]), (&json!("unpaired_score"), &json!(100)));
    // √2 times the spread of 90 in 100.
    let sd = (2.0_f64 * 0.09 * 100.0 / 99.0).sqrt();
    assert!((line["sd"].as_f64().expect("a number") - sd).abs() < 1e-9, "{line}");
    // (1.96 + 0.84)² · sd² / effect², and one or two for the t distribution.
    let needed = line["cases_needed"].as_u64().expect("a number");
    let about = (1.96_f64 + 0.8416).powi(2) * sd * sd / 0.0025;
    assert!((about..about + 5.0).contains(&(needed as f64)), "{needed} is not about {about}");

    record(data.path(), Recipe { name: "now", wrong: &[1, 2, 3, 4], ..RECIPE });
    let (code, text, said) = on(data.path(), &["plan", "now", "--json", "--cases", "1000"]);
    assert_eq!(code, Some(0), "{said}");
    let second: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(second["base"]["name"], "base");
    let line = exact(&second);
    assert_eq!((&line["basis"], &line["cases"]), (&json!("differences"), &json!(1000)));
    assert!(line["minimum_detectable_effect"].as_f64().expect("a number") < 0.03, "{line}");

    let (code, text, _) = on(data.path(), &["plan", "now", "--base", "base", "--effect", "0.02"]);
    assert_eq!(code, Some(0));
    assert!(text.starts_with("plan from now against base\n"), "{text}");
    assert!(text.contains("cases for") && text.contains("80 % probability"), "{text}");
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let data = TempDir::new().expect("a directory");
    for (option, value, wanted) in [
        ("--effect", "0", "above 0"),
        ("--effect", "much", "no number"),
        ("--power", "80", "above 0 and below 1"),
        ("--cases", "1", "2..="),
    ] {
        let (code, text, said) = on(data.path(), &["plan", "base", option, value]);
        assert_eq!((code, text.as_str()), (Some(2), ""), "{said}");
        assert!(said.contains(wanted), "{said}");
    }
}
