use super::*;
use crate::report::table::test_summary;

fn regression(output: &str) -> ChangedCase {
    ChangedCase {
        name: "exact".into(),
        base_score: 1.0,
        score: 0.25,
        case_id: None,
        input: "what is\n1 | 2?".into(),
        expected: Some("3".into()),
        base_output: "3".into(),
        output: output.into(),
        diff: vec!["- 3".into(), format!("+ {output}")],
        base_trace: "b".into(),
        trace: "c".into(),
    }
}

fn gate() -> GateResult {
    GateResult {
        name: "ex|act".into(),
        rule: "at least 0.9".into(),
        outcome: GateOutcome::Undecided,
        why: "0.8 with\nan interval".into(),
        hint: Some("ask @everyone".into()),
    }
}

#[test]
fn scores_gates_warnings_and_regressions_are_written_out() {
    let mut summary = test_summary();
    summary.worst_regressions = vec![regression("4 ```js")];
    let text = github_summary(&[(&summary, &[gate()])], usize::MAX);
    let expected = "\
### [p / now](<http://h/app>): gate undecided

10 trials in 1.50 s, 1 failed

| | value | interval | vs before | interval | | improved | regressed |
|---|--:|--:|--:|--:|---|--:|--:|
| exact | 95.00 % | 91.0–97.3 | +20.00 % | 14.1–25.5 | better | 40 | 0 |
| fresh | 50.00 % | 46.4–53.6 | new |  |  | 0 | 0 |
| broken | no score |  | | | | | |
| f1 | 75.00 % |  | | | | | |
| duration | 18.6 ms | 18.587–18.611 | +50.0 % | 49.97–50.03 | worse | 0 | 200 |

| gate | | condition | why |
|---|---|---|---|
| ex\\|act | **undecided** | at least 0.9 | 0.8 with an interval; ask &#64;everyone |

> warning: something is missing

<details><summary>Worst regressions</summary>

**exact** 100.00 % to 25.00 % (-75.00 %): what is 1 \\| 2?

````diff
input    what is 1 | 2?
expected 3
- 3
+ 4 ```js
````

</details>

";
    assert_eq!(text, expected);
}

#[test]
fn every_row_of_a_table_has_as_many_cells_as_its_header() {
    let mut summary = test_summary();
    summary.project = "a|b `c` <script> \\ @all #1\nline".into();
    summary.unscored = vec!["x|y\nz".into()];
    let text = github_summary(&[(&summary, &[gate(), gate()])], usize::MAX);
    let mut columns = None;
    for line in text.lines() {
        if !line.starts_with('|') {
            columns = None;
            continue;
        }
        let bars = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        assert_eq!(*columns.get_or_insert(bars), bars, "{line}");
    }
    assert!(text.starts_with("### [a\\|b \\`c\\` &lt;script&gt; \\\\ &#64;all &#35;1 line / now]"));
}

#[test]
fn what_is_beyond_the_limit_is_left_out_and_said() {
    let mut summary = test_summary();
    summary.worst_regressions = vec![regression(&"x".repeat(4_000)); 100];
    let gates = [gate()];
    let evaluations: Vec<(&Summary, &[GateResult])> = vec![(&summary, &gates); 20];
    let text = github_summary(&evaluations, usize::MAX);
    assert!(text.len() <= LIMIT_BYTES, "{}", text.len());
    assert!(text.contains("left out: GitHub shows"), "no word of what is missing");
    assert_eq!(text.matches("### ").count(), 20, "tables matter more than diffs");
    let little = github_summary(&evaluations, 2_000);
    assert!(little.len() <= 2_000 && little.contains("left out"), "{little}");
    assert_eq!(github_summary(&evaluations, 10), "");
}
