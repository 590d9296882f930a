//! What is asked, and what becomes of the answers.

use serde_json::json;
use tidegate_scorers::llm::{
    Agreement, EmbeddingSimilarity, Judge, LlmClassifier, LlmError, PairwiseJudge, Price, Prices,
    Served, battle, closed_qa, factuality, humor, possible, security, sql, summary, translation,
};

use crate::support::{Answer, KEY, Server, called, chose};

#[tokio::test]
async fn the_request_forces_a_choice_with_reasons_first() {
    let server = Server::choosing("C");
    let verdict = factuality(&server.judge())
        .score(json!({"input": "the question", "output": "{{expected}}", "expected": "the answer"}))
        .await
        .expect("a verdict");
    assert_eq!((verdict.score, verdict.choice.as_str()), (1.0, "C"));
    assert_eq!(verdict.rationale.as_deref(), Some("because"));

    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /v1/chat/completions");
    assert!(request.headers.contains(&format!("authorization: Bearer {KEY}")));
    assert!(request.headers.contains(&"content-type: application/json".to_owned()));
    let body = &request.body;
    assert_eq!(body["model"], "test-model");
    assert_eq!(body["temperature"], 0.0);
    assert_eq!(
        body["tool_choice"],
        json!({"type": "function", "function": {"name": "select_choice"}})
    );
    let function = &body["tools"][0]["function"];
    assert_eq!(function["name"], "select_choice");
    let parameters = &function["parameters"];
    assert_eq!(parameters["required"], json!(["reasons", "choice"]));
    assert_eq!(parameters["properties"]["choice"]["enum"], json!(["A", "B", "C", "D", "E"]));
    let names: Vec<_> = parameters["properties"].as_object().expect("members").keys().collect();
    assert_eq!(names, ["reasons", "choice"]);
    // Values are inserted as they are, and not read as templates.
    let prompt = request.prompt();
    assert!(prompt.contains("the question") && prompt.contains("the answer"));
    assert!(prompt.contains("\n{{expected}}\n"), "{prompt}");
    assert!(prompt.contains("`reasons`"));
}

#[tokio::test]
async fn without_chain_of_thought_there_are_no_reasons() {
    let server = Server::start(|_, _| {
        Answer::Json(200, "", called("select_choice", r#"{"choice": " Yes "}"#))
    });
    let judge = server.judge_with(|config| config.temperature(None));
    let verdict = humor(&judge)
        .without_chain_of_thought()
        .score(json!({"output": "x"}))
        .await
        .expect("a verdict");
    assert_eq!((verdict.score, verdict.rationale), (1.0, None));
    let request = &server.requests()[0];
    let parameters = &request.body["tools"][0]["function"]["parameters"];
    assert_eq!(parameters["required"], json!(["choice"]));
    assert!(parameters["properties"].get("reasons").is_none());
    assert!(request.body.get("temperature").is_none());
    assert!(!request.prompt().contains("`reasons`"));
}

#[tokio::test]
async fn the_ready_ones_have_the_scores_of_autoevals() {
    type Make = fn(&Judge) -> LlmClassifier;
    let table: [(Make, &[(&str, f64)]); 9] = [
        (battle, &[("Yes", 1.0), ("No", 0.0)]),
        (closed_qa, &[("Y", 1.0), ("N", 0.0)]),
        (factuality, &[("A", 0.4), ("B", 0.6), ("C", 1.0), ("D", 0.0), ("E", 1.0)]),
        (humor, &[("Yes", 1.0), ("No", 0.0), ("Unsure", 0.5)]),
        (possible, &[("A", 0.0), ("B", 1.0)]),
        (security, &[("Yes", 0.0), ("No", 1.0), ("Unsure", 0.5)]),
        (sql, &[("Correct", 1.0), ("Incorrect", 0.0)]),
        (summary, &[("A", 0.0), ("B", 1.0)]),
        (translation, &[("Y", 1.0), ("N", 0.0)]),
    ];
    let variables = json!({
        "instructions": "v1", "input": "v2", "output": "v3", "expected": "v4", "criteria": "v5",
        "language": "v6",
    });
    for (make, choices) in table {
        for (choice, score) in choices {
            let server = Server::choosing(choice);
            let classifier = make(&server.judge());
            let verdict = classifier.score(&variables).await.expect("a verdict");
            assert_eq!(verdict.score, *score, "{} {choice}", classifier.name());
            let request = &server.requests()[0];
            let offered =
                &request.body["tools"][0]["function"]["parameters"]["properties"]["choice"]["enum"];
            let known: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            assert_eq!(offered, &json!(known));
            // Every choice is explained, and the output is there.
            for choice in known {
                assert!(request.prompt().contains(&format!("\n{choice}: ")), "{choice}");
            }
            assert!(request.prompt().contains("\nv3\n"));
        }
    }
}

#[tokio::test]
async fn a_missing_variable_is_an_error_before_anything_is_sent() {
    let server = Server::choosing("Y");
    let error = closed_qa(&server.judge())
        .score(json!({"input": "a", "output": "b"}))
        .await
        .expect_err("no criteria");
    assert!(matches!(error, LlmError::MissingVariable { name } if name == "criteria"));
    assert!(server.requests().is_empty());
}

#[test]
fn faults_of_a_classifier_are_said_at_once() {
    let judge = Server::choosing("a").judge();
    let error =
        LlmClassifier::new(&judge, "bad", "{{#x}} {{", [("a", 1.0), ("a", 2.0), (" b", 0.0)])
            .expect_err("faults");
    assert_eq!(error.faults().len(), 5, "{error}");
    assert!(LlmClassifier::new(&judge, "bad", "x", [("", 0.5); 0]).is_err());
    let error = PairwiseJudge::with_template(&judge, "{{first}}").expect_err("no second");
    assert!(error.to_string().contains("second"), "{error}");
}

#[tokio::test]
async fn tokens_and_cost_are_reported() {
    let server = Server::choosing("Yes");
    let price = Price { cached_input_per_million: Some(1e5), ..Price::new(1e6, 1e7) };
    let prices = Prices::new().price("test-model", price);
    let priced = humor(&server.judge_with(|config| config.prices(prices)));
    let verdict = priced.score(json!({"output": "x"})).await.expect("a verdict");
    assert_eq!(
        verdict.metrics(),
        [
            ("prompt_tokens", 100.0),
            ("prompt_cached_tokens", 40.0),
            ("completion_tokens", 10.0),
            ("completion_reasoning_tokens", 4.0),
            ("tokens", 110.0),
            ("estimated_cost", 60.0 + 4.0 + 100.0),
        ]
    );
    let unpriced = humor(&server.judge()).score(json!({"output": "x"})).await.expect("a verdict");
    assert_eq!(unpriced.cost, None);
}

#[tokio::test]
async fn a_pair_is_judged_in_both_orders() {
    // Prefers the longer text, wherever it is.
    let server = Server::start(|_, request| {
        let prompt = request.prompt();
        let long_is_first =
            prompt.find("longer").expect("there") < prompt.find("brief").expect("there");
        Answer::Json(200, "", chose(if long_is_first { "1" } else { "2" }))
    });
    let judge = PairwiseJudge::new(&server.judge());
    let variables = json!({"instructions": "write"});
    let verdict = judge.score("longer", "brief", &variables).await.expect("a verdict");
    assert_eq!((verdict.score, verdict.agreement), (1.0, Agreement::Agree));
    assert_eq!(verdict.expected_first.score, 1.0);
    assert_eq!(verdict.usage.tokens(), 220);
    assert_eq!(server.requests().len(), 2);
    // The other way round the very same two questions are asked.
    let verdict = judge.score("brief", "longer", &variables).await.expect("a verdict");
    assert_eq!((verdict.score, verdict.agreement), (0.0, Agreement::Agree));
    assert_eq!(verdict.usage.tokens(), 0);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_judge_that_looks_at_the_place_disagrees_with_itself() {
    let server = Server::choosing("1");
    let verdict = PairwiseJudge::new(&server.judge())
        .score("a", "b", json!({"instructions": "write"}))
        .await
        .expect("a verdict");
    assert_eq!((verdict.score, verdict.agreement), (0.5, Agreement::Disagree));
    let tie = Server::choosing("tie");
    let verdict = PairwiseJudge::new(&tie.judge())
        .without_chain_of_thought()
        .score("a", "b", json!({"instructions": "write"}))
        .await
        .expect("a verdict");
    assert_eq!((verdict.score, verdict.agreement), (0.5, Agreement::Agree));
}

#[tokio::test]
async fn embeddings_are_matched_by_index() {
    let server = Server::start(|_, request| {
        assert_eq!(request.line, "POST /v1/embeddings");
        assert_eq!(request.body["input"], json!(["about: a", "about: b"]));
        assert_eq!(request.body["model"], "test-model");
        Answer::Json(
            200,
            "",
            json!({
                "data": [
                    {"index": 1, "embedding": [0.6, 0.8]},
                    {"index": 0, "embedding": [2.0, 0.0]},
                ],
                "usage": {"prompt_tokens": 7, "total_tokens": 7},
            }),
        )
    });
    let scorer = EmbeddingSimilarity::new(&server.judge()).minimum(0.2).prefix("about: ");
    let similarity = scorer.score("a", "b").await.expect("a score");
    assert!((similarity.score - 0.5).abs() < 1e-12, "{similarity:?}");
    assert_eq!((similarity.usage.tokens(), similarity.served), (7, Served::Model));
    let again = scorer.score("a", "b").await.expect("a score");
    assert_eq!((again.usage.tokens(), again.served), (0, Served::Memory));
    assert_eq!(again.score, similarity.score);
}

#[tokio::test]
async fn embeddings_that_cannot_be_compared_are_an_error() {
    for data in [
        json!([{"index": 0, "embedding": [1.0]}]),
        json!([{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]),
        json!([{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": ["x"]}]),
        json!("no list"),
    ] {
        let server = Server::start(move |_, _| Answer::Json(200, "", json!({"data": data})));
        let error = EmbeddingSimilarity::new(&server.judge()).score("a", "b").await;
        assert!(matches!(error, Err(LlmError::Reply { .. })), "{error:?}");
    }
}
