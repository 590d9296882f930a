//! What the server has stored, as a tree of spans.

use serde_json::{Value, json};
use tidegate_testkit::{get, post, rows};

/// The rows of one experiment or project log.
pub(crate) struct Stored(Vec<Value>);

impl Stored {
    pub(crate) fn experiment(url: &str, project: &str, name: &str) -> Self {
        let body = json!({"project_name": project, "org_name": "local", "experiment_name": name});
        let found = post(url, "/api/experiment/get", &[], &body.to_string()).expect("an answer");
        let id = found.json()[0]["id"].as_str().expect("an experiment of that name").to_owned();
        Self(rows(url, "experiment", &id))
    }

    pub(crate) fn dataset(url: &str, id: &str) -> Self {
        Self(rows(url, "dataset", id))
    }

    pub(crate) fn logs(url: &str, project: &str) -> Self {
        let found = get(url, &format!("/v1/project?project_name={project}")).json();
        let id = found["objects"][0]["id"].as_str().expect("a project of that name").to_owned();
        Self(rows(url, "project_logs", &id))
    }

    /// The row with an id.
    pub(crate) fn row(&self, id: &str) -> &Value {
        let found = self.0.iter().find(|row| row["id"] == id);
        found.unwrap_or_else(|| panic!("no row {id:?} in {:#?}", self.0))
    }

    /// All rows.
    pub(crate) fn rows(&self) -> &[Value] {
        &self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Root spans with the given input, one per trial.
    pub(crate) fn roots(&self, input: &str) -> Vec<&Value> {
        let roots: Vec<&Value> =
            self.0.iter().filter(|row| row["is_root"] == true && row["input"] == input).collect();
        assert!(!roots.is_empty(), "no root with input {input:?} in {:#?}", self.0);
        roots
    }

    /// The child of a span by name.
    pub(crate) fn child(&self, parent: &Value, name: &str) -> &Value {
        let found = self.0.iter().find(|row| {
            row["span_parents"] == json!([parent["span_id"]])
                && row["span_attributes"]["name"] == name
        });
        let child = found.unwrap_or_else(|| panic!("{name:?} is not below {parent:#}"));
        assert_eq!(child["root_span_id"], parent["root_span_id"]);
        assert_eq!(child["is_root"], false);
        child
    }

    /// Number of children of a span.
    pub(crate) fn children(&self, parent: &Value) -> usize {
        let parents = json!([parent["span_id"]]);
        self.0.iter().filter(|row| row["span_parents"] == parents).count()
    }

    /// Every row has what readers need, nothing that steers merges, and both times.
    pub(crate) fn check_every_row(&self) {
        for row in &self.0 {
            for member in ["id", "_xact_id", "created", "span_id", "root_span_id"] {
                assert!(row[member].is_string(), "{member} in {row:#}");
            }
            assert!(row.get("_is_merge").is_none() && row.get("_merge_paths").is_none());
            let (start, end) = (&row["metrics"]["start"], &row["metrics"]["end"]);
            assert!(start.as_f64() <= end.as_f64() && end.is_number(), "{row:#}");
        }
    }
}

/// The eval tree of the programs: cases a, b, c and one whose task throws. The scorer `fragile`
/// throws on c.
pub(crate) fn check_eval(stored: &Stored, trials_of: impl Fn(&str) -> usize, output: [&str; 3]) {
    stored.check_every_row();
    for (input, output) in ["a", "b", "c"].into_iter().zip(output) {
        let roots = stored.roots(input);
        assert_eq!(roots.len(), trials_of(input), "trials of {input}");
        for root in roots {
            assert_eq!(root["span_attributes"]["type"], "eval");
            assert_eq!(root["output"], output);
            assert_eq!(root["expected"], input.to_uppercase());
            assert_eq!(stored.children(root), 3, "task and two scorers");
            let task = stored.child(root, "task");
            assert_eq!(task["span_attributes"]["type"], "task");
            assert_eq!((&task["input"], &task["output"]), (&json!(input), &json!(output)));
            // Logged in three deltas.
            let lookup = stored.child(task, "lookup");
            assert_eq!(lookup["span_attributes"]["type"], "tool");
            assert_eq!(lookup["metadata"], json!({"step": {"first": 1, "second": 2}}));
            assert_eq!((&lookup["input"], &lookup["output"]), (&json!(input), &json!(output)));
            assert_eq!(lookup["metrics"]["tokens"], 3);

            let exact = stored.child(root, "exact");
            assert_eq!(exact["span_attributes"]["type"], "score");
            assert_eq!(exact["span_attributes"]["purpose"], "scorer");
            let right = f64::from(u8::from(output == input.to_uppercase()));
            assert_eq!(exact["scores"]["exact"].as_f64(), Some(right));
            let fragile = stored.child(root, "fragile");
            if input == "c" {
                assert!(fragile["error"].as_str().is_some_and(|e| e.contains("scorer failed")));
                let errors = &root["metadata"]["scorer_errors"]["fragile"];
                assert!(errors.as_str().is_some_and(|e| e.contains("scorer failed")), "{root:#}");
            } else {
                assert_eq!(fragile["scores"]["fragile"], 0.5);
            }
        }
    }
    let [a, ..] = stored.roots("a")[..] else { unreachable!("checked above") };
    assert_eq!((&a["tags"], &a["metadata"]["kind"]), (&json!(["short"]), &json!("vowel")));
    for root in stored.roots("boom") {
        let error = root["error"].as_str().expect("an error");
        assert!(error.contains("task failed on purpose"), "{error}");
        assert!(stored.child(root, "task")["error"].is_string());
    }
}

/// The trace of the logger programs.
pub(crate) fn check_logs(stored: &Stored) {
    stored.check_every_row();
    assert_eq!(stored.len(), 2);
    let [root] = stored.roots("question")[..] else { panic!("one request") };
    assert_eq!(root["output"], "answer");
    assert_eq!(root["tags"], json!(["production"]));
    assert_eq!(root["scores"], json!({"helpful": 0.75}));
    assert_eq!(root["metadata"]["user"], "u1");
    let step = stored.child(root, "step");
    assert_eq!(step["span_attributes"]["type"], "llm");
    assert_eq!(step["output"], json!({"a": 1}));
}
