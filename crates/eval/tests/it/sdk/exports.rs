//! Traces that go on elsewhere: slugs, updates from outside, links.

use serde_json::{Value, json};
use tidegate_client::{Event, Parent, ParentError, SpanOptions};
use tidegate_model::slug::{ObjectRef, ObjectType, RowIds, SpanComponents};
use tidegate_model::{Destination, SpanId, TraceId};

use crate::world::{World, world};

async fn logs(world: &World, id: &str) -> Vec<Value> {
    world.flushed().await;
    world.rows_of("project_logs", id).await
}

fn named<'a>(rows: &'a [Value], name: &str) -> &'a Value {
    let found = rows.iter().find(|row| row["span_attributes"]["name"] == name);
    found.unwrap_or_else(|| panic!("no span {name:?} in {rows:#?}"))
}

#[tokio::test]
async fn a_trace_goes_on_below_its_slug_and_its_row_is_changed_through_it() {
    let world = world().await;
    let logger = world.client.init_logger("traces").await.expect("a logger");
    let root = logger.start_span(SpanOptions::new("request").event(Event::new().input("q")));
    let slug = root.export().expect("a slug");
    root.log(Event::new().output("first").metadata(&json!({"kept": 1, "changed": 1})));
    root.end();
    world.flushed().await;

    let parent = world.client.parent(&slug).await.expect("a parent");
    let elsewhere = world.client.start_span(&parent, "elsewhere");
    let below = elsewhere.child("below");
    assert_eq!((elsewhere.trace_id(), below.trace_id()), (root.trace_id(), root.trace_id()));
    below.end();
    elsewhere.end();
    let change = Event::new().output("second").metadata(&json!({"changed": 2})).tags(["corrected"]);
    world.client.update_span(&slug, change).await.expect("updated");
    // By the slug of the logs as a whole: a root.
    let logs_slug = logger.export();
    let other = world.client.parent(&logs_slug).await.expect("a parent");
    world.client.start_span(other, "other").end();

    let rows = logs(&world, &logger.project().id).await;
    assert_eq!(rows.len(), 4);
    let request = named(&rows, "request");
    assert_eq!((&request["input"], &request["output"]), (&json!("q"), &json!("second")));
    assert_eq!(request["metadata"], json!({"kept": 1, "changed": 2}));
    assert_eq!(request["tags"], json!(["corrected"]));
    assert_eq!(request["is_root"], true);
    let child = named(&rows, "elsewhere");
    assert_eq!(child["span_parents"], json!([request["span_id"]]));
    assert_eq!(child["root_span_id"], request["root_span_id"]);
    assert_eq!(named(&rows, "below")["span_parents"], json!([child["span_id"]]));
    assert_eq!(named(&rows, "other")["is_root"], true);

    // A slug that stands for the logs has no row to change.
    let refused = world.client.update_span(&logs_slug, Event::new().output(&1)).await;
    assert!(matches!(refused, Err(ParentError::NoSpan)), "{refused:?}");
}

#[tokio::test]
async fn ids_of_older_clients_are_kept_as_they_are() {
    let world = world().await;
    let project = world.client.register_project("old").await.expect("a project");
    let uuid = "0198c5a2-0000-7000-8000-0000000000cd";
    let row = RowIds { row_id: uuid.into(), span_id: uuid.into(), root_span_id: uuid.into() };
    let components = SpanComponents {
        object_type: ObjectType::ProjectLogs,
        object: ObjectRef::Id(project.id.clone()),
        row: Some(row),
        propagated_event: None,
    };
    let parent: Parent = components.to_string().parse().expect("a parent");
    let span = world.client.start_span(parent, "new");
    assert_eq!((span.trace_id(), span.root_span_id().as_deref()), (None, Some(uuid)));
    let leaf = span.child("leaf");
    leaf.end();
    span.end();
    let rows = logs(&world, &project.id).await;
    let span_row = named(&rows, "new");
    assert_eq!(span_row["span_parents"], json!([uuid]));
    assert_eq!(span_row["root_span_id"], uuid);
    assert_eq!(named(&rows, "leaf")["root_span_id"], uuid);
    // What is exported below carries the foreign id on.
    let slug: SpanComponents = leaf.export().expect("a slug").parse().expect("a slug");
    assert_eq!(slug.row.expect("a span").root_span_id, uuid);
}

#[tokio::test]
async fn a_slug_that_names_its_project_finds_it_once_and_carries_its_fields_on() {
    let world = world().await;
    let event = json!({
        "span_attributes": {"purpose": "scorer"},
        "metadata": {"user": "u1"},
        "tags": ["from afar"],
        "id": "not taken over",
    });
    let components = SpanComponents {
        object_type: ObjectType::ProjectLogs,
        object: ObjectRef::Lookup(
            [("project_name".to_owned(), json!("by name"))].into_iter().collect(),
        ),
        row: None,
        propagated_event: event.as_object().cloned(),
    };
    let slug = components.to_string();
    assert!(matches!(slug.parse::<Parent>(), Err(ParentError::Unresolved)));
    let parent = world.client.parent(&slug).await.expect("made");
    let again = world.client.parent(&slug).await.expect("known");
    assert_eq!(parent.destination(), again.destination());
    let own = Event::new().metadata(&json!({"own": 1, "user": "mine"}));
    let span = world.client.start_span(parent, SpanOptions::new("span").event(own));
    span.child("child").end();
    span.end();
    let slug: SpanComponents = span.export().expect("a slug").parse().expect("a slug");
    assert_eq!(slug.propagated_event, components.propagated_event);
    let rows = logs(&world, again.destination().object_id()).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(named(&rows, "span")["metadata"], json!({"own": 1, "user": "u1"}));
    for row in &rows {
        assert_eq!(row["span_attributes"]["purpose"], "scorer");
        assert_eq!(row["metadata"]["user"], "u1");
        assert_eq!(row["tags"], json!(["from afar"]));
        assert_ne!(row["id"], "not taken over");
    }

    let nowhere = SpanComponents { object_type: ObjectType::Experiment, ..components };
    let error = world.client.parent(&nowhere.to_string()).await.expect_err("no id");
    assert!(matches!(error, ParentError::Unresolvable), "{error}");
}

#[tokio::test]
async fn links_of_spans_lead_to_them() {
    let world = world().await;
    let destination = Destination::ProjectLogs("11111111-2222-4333-8444-555555555555".into());
    let early = world.client.start_span(destination, "early");
    assert_eq!(early.link(), None, "nobody has logged in");
    drop(early);
    let logger = world.client.init_logger("linked").await.expect("a logger");
    let span = logger.start_span("s");
    let link = span.link().expect("the login is done");
    let base =
        format!("{}/app/local/object?object_type=project_logs&object_id=", world.collector.url());
    assert!(link.starts_with(&base), "{link}");
    assert_eq!(span.permalink().await.expect("an answer").as_ref(), Some(&link));
    let slug = span.export().expect("a slug");
    assert_eq!(world.client.permalink(&slug).await.expect("an answer").as_ref(), Some(&link));
    span.end();
    world.flushed().await;
    assert!(world.opens(&link).await, "{link}");
}

#[tokio::test]
async fn a_trace_context_is_a_parent_without_a_slug() {
    let world = world().await;
    let project = world.client.register_project("w3c").await.expect("a project");
    let (trace, span) = (TraceId::from_bits(7), SpanId::from_bits(9));
    let parent = Parent::remote(Destination::ProjectLogs(project.id.clone()), trace, span);
    assert_eq!(parent.export(), None);
    world.client.start_span(&parent, "below").end();
    let rows = logs(&world, &project.id).await;
    let row = named(&rows, "below");
    assert_eq!(row["span_parents"], json!([span.to_string()]));
    assert_eq!(row["root_span_id"], trace.to_string());
}
