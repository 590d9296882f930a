//! What a scoring program answers: a number, `null`, an object, or an array of objects.

use serde_json::{Map, Value};
use tidegate_eval::{IntoScore as _, Score};

const FORM: &str =
    "a number from 0 to 1, null, {\"score\": …, \"name\": …, \"metadata\": …} or an array of those";

/// Turns an answer into scores; `name` is that of the scorer, for one without a name.
pub(super) fn score(name: &str, answer: Value) -> Result<Score, String> {
    match answer {
        Value::Array(answers) => {
            let named = answers.into_iter().map(|answer| one(name, answer));
            named.collect::<Result<Vec<_>, _>>()?.into_score()
        }
        answer => {
            let (own, score) = one(name, answer)?;
            if own == name { Ok(score) } else { vec![(own, score)].into_score() }
        }
    }
}

fn one(name: &str, answer: Value) -> Result<(String, Score), String> {
    let wrong = |answer: &Value| format!("the scorer answered {answer}, not {FORM}");
    match answer {
        Value::Null => Ok((name.to_owned(), Score::skipped())),
        Value::Bool(value) => Ok((name.to_owned(), Score::new(f64::from(u8::from(value))))),
        Value::Number(ref number) => {
            let score = number.as_f64().ok_or_else(|| wrong(&answer))?;
            Ok((name.to_owned(), Score::new(score)))
        }
        Value::Object(members) => object(name, members),
        Value::String(_) | Value::Array(_) => Err(wrong(&answer)),
    }
}

fn object(name: &str, mut members: Map<String, Value>) -> Result<(String, Score), String> {
    let wrong = |what: &str| format!("the scorer answered an object {what}, not {FORM}");
    let score = members.remove("score").ok_or_else(|| wrong("without a score"))?;
    let own = match members.remove("name") {
        None | Some(Value::Null) => name.to_owned(),
        Some(Value::String(own)) if !own.is_empty() => own,
        Some(_) => return Err(wrong("whose name is no text")),
    };
    let metadata = match members.remove("metadata") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(metadata)) => metadata,
        Some(_) => return Err(wrong("whose metadata is no object")),
    };
    if let Some(unknown) = members.keys().next() {
        return Err(wrong(&format!("with the member {unknown:?}")));
    }
    if score.is_object() {
        return Err(wrong("whose score is one"));
    }
    let (_, score) = one(name, score)?;
    let with = |score: Score, (name, value): (String, Value)| score.metadata(name, &value);
    Ok((own, metadata.into_iter().fold(score, with)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_an_answer() {
        assert_eq!(score("s", json!(0.5)), Ok(Score::new(0.5)));
        assert_eq!(score("s", json!(true)), Ok(Score::new(1.0)));
        assert_eq!(score("s", json!(null)), Ok(Score::skipped()));
        let explained = score("s", json!({"score": 1, "metadata": {"why": "x"}}));
        assert_eq!(explained, Ok(Score::new(1.0).metadata("why", "x")));
        let several = json!([{"name": "a", "score": 1}, {"name": "b", "score": null}]);
        let wanted = [("a", Score::new(1.0)), ("b", Score::skipped())].into_score();
        assert_eq!(score("s", several), wanted);
        for bad in [
            json!("1"),
            json!([[1]]),
            json!({}),
            json!({"score": {}}),
            json!({"score": 1, "x": 2}),
            json!({"score": 1, "name": 3}),
            json!({"score": "1"}),
            json!([1, 0]),
        ] {
            assert!(score("s", bad.clone()).is_err(), "{bad}");
        }
    }
}
