//! Rows as an evaluation sends them: per case a root, a task and two scorers.

use std::fmt::Write as _;

use jiff::Timestamp;
use tidegate_analysis::statistics::SplitMix64;

use super::corpus::Corpus;

/// Rows of a case: root, task, two scorers.
pub(super) const ROWS_PER_CASE: usize = 4;
/// Names of the two scorers.
pub(super) const SCORERS: [&str; 2] = ["exact", "quality"];
/// Bytes of a row besides its text, about.
const FRAME_BYTES: usize = 420;

/// Writes the rows of one experiment, case by case.
#[derive(Debug)]
pub(super) struct Rows<'c> {
    corpus: &'c Corpus,
    experiment: String,
    seed: u64,
    row_bytes: usize,
    rng: SplitMix64,
    case: u64,
    /// Row of the case that comes next.
    position: usize,
    trace: Trace,
    created: String,
}

#[derive(Debug, Default)]
struct Trace {
    id: String,
    root_span: String,
    /// The text of the case, so that equal cases of two experiments match.
    input: String,
}

impl<'c> Rows<'c> {
    /// Starts at a case; `salt` makes ids that no other writer makes.
    pub(super) fn new(
        corpus: &'c Corpus,
        experiment: String,
        row_bytes: usize,
        seed: u64,
        salt: u64,
        first_case: u64,
    ) -> Self {
        Self {
            corpus,
            experiment,
            seed,
            row_bytes,
            rng: SplitMix64::new(seed ^ salt.wrapping_mul(0xd134_2543_de82_ef95)),
            case: first_case,
            position: 0,
            trace: Trace::default(),
            created: Timestamp::now().to_string(),
        }
    }

    /// Appends the next row to a body and returns its id.
    pub(super) fn push(&mut self, body: &mut String) -> String {
        if self.position == 0 {
            self.begin_case();
        }
        let id = uuid(&mut self.rng);
        let span =
            if self.position == 0 { self.trace.root_span.clone() } else { hex16(&mut self.rng) };
        let (name, kind) =
            [("eval", "eval"), ("task", "task"), (SCORERS[0], "score"), (SCORERS[1], "score")]
                [self.position];
        write(
            body,
            format_args!(
                "{{\"id\":\"{id}\",\"experiment_id\":\"{}\",\"span_id\":\"{span}\",\"root_span_id\":\"{}\",\"created\":\"{}\",\
             \"span_attributes\":{{\"name\":\"{name}\",\"type\":\"{kind}\",\"exec_counter\":{}{}}},\
             \"context\":{{\"caller_functionname\":\"run\",\"caller_filename\":\"bench.rs\",\"caller_lineno\":7}},",
                self.experiment,
                self.trace.id,
                self.created,
                self.case,
                if kind == "score" { ",\"purpose\":\"scorer\"" } else { "" },
            ),
        );
        if self.position > 0 {
            write(body, format_args!("\"span_parents\":[\"{}\"],", self.trace.root_span));
        }
        let start = 1_795_000_000.0 + self.case as f64 / 100.0;
        let took = self.rng.below(4_000) as f64 / 1_000.0;
        write(
            body,
            format_args!("\"metrics\":{{\"start\":{start:.3},\"end\":{:.3}}},", start + took),
        );
        if kind == "score" {
            let score = if self.position == 2 {
                self.rng.below(2) as f64
            } else {
                self.rng.below(1_001) as f64 / 1_000.0
            };
            write(body, format_args!("\"scores\":{{\"{name}\":{score}}},"));
        }
        let text = self.row_bytes.saturating_sub(FRAME_BYTES);
        let output = self.corpus.passage(&mut self.rng, text - text / 2);
        write(
            body,
            format_args!(
                "\"input\":{{\"question\":\"{}\"}},\"output\":\"{output}\"}}",
                self.trace.input
            ),
        );
        self.position = (self.position + 1) % ROWS_PER_CASE;
        if self.position == 0 {
            self.case += 1;
        }
        id
    }

    /// Appends a delta to a row that the server has.
    pub(super) fn push_merge(&mut self, body: &mut String, id: &str) {
        let tokens = self.rng.below(4_000);
        write(
            body,
            format_args!(
                "{{\"id\":\"{id}\",\"experiment_id\":\"{}\",\"_is_merge\":true,\"metrics\":{{\"tokens\":{tokens}}},\
             \"metadata\":{{\"model\":\"m-{}\",\"note\":\"{}\"}}}}",
                self.experiment,
                tokens % 7,
                self.corpus.passage(&mut self.rng, 64),
            ),
        );
    }

    fn begin_case(&mut self) {
        let text = self.row_bytes.saturating_sub(FRAME_BYTES) / 2;
        let mut of_case =
            SplitMix64::new(self.seed.wrapping_add(self.case.wrapping_mul(2_654_435_761)));
        self.trace = Trace {
            id: hex16(&mut self.rng) + &hex16(&mut self.rng),
            root_span: hex16(&mut self.rng),
            input: self.corpus.passage(&mut of_case, text).to_owned(),
        };
    }
}

/// Formatting into a string cannot fail.
fn write(body: &mut String, text: std::fmt::Arguments<'_>) {
    body.write_fmt(text).expect("writing to a string cannot fail");
}

fn hex16(rng: &mut SplitMix64) -> String {
    format!("{:016x}", rng.next_u64())
}

/// A random UUID, version 4, as the clients make them: the worst order an index can get.
fn uuid(rng: &mut SplitMix64) -> String {
    let (high, low) = (rng.next_u64(), rng.next_u64());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 50),
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn rows_have_the_size_and_make_whole_cases() {
        let corpus = Corpus::new(1);
        let mut rows = Rows::new(&corpus, "e".into(), 850, 1, 2, 0);
        let mut parsed = Vec::new();
        for _ in 0..8 {
            let mut text = String::new();
            let id = rows.push(&mut text);
            assert!((750..950).contains(&text.len()), "{}", text.len());
            let row: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(row["id"], id.as_str());
            parsed.push(row);
        }
        let root = &parsed[0];
        assert!(root["span_parents"].is_null());
        for child in &parsed[1..4] {
            assert_eq!(child["root_span_id"], root["root_span_id"]);
            assert_eq!(child["span_parents"][0], root["span_id"]);
        }
        assert_ne!(parsed[4]["root_span_id"], root["root_span_id"]);
        let again = &mut String::new();
        Rows::new(&corpus, "f".into(), 850, 1, 9, 1).push(again);
        let again: Value = serde_json::from_str(again).expect("JSON");
        assert_eq!(again["input"], parsed[4]["input"], "equal cases of two experiments match");
        let mut delta = String::new();
        rows.push_merge(&mut delta, "x");
        let delta: Value = serde_json::from_str(&delta).expect("JSON");
        assert_eq!(delta["_is_merge"], true);
    }
}
