//! Random histories of spans, time, pressure and replies, against a reference.

use super::*;

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        (0..3i32).prop_map(Value::from),
        "[xyé\"]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        proptest::collection::vec(("[ab]", inner), 0..3)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    })
}

fn fields() -> impl Strategy<Value = Value> {
    (
        proptest::option::of(values()),
        proptest::option::of(values()),
        proptest::option::of(proptest::collection::vec("[pq]", 1..3)),
        proptest::option::of(0..=4u8),
    )
        .prop_map(|(output, metadata, tags, score)| {
            let mut fields = Row::new();
            if let Some(output) = output {
                fields.insert("output".into(), output);
            }
            if let Some(metadata) = metadata {
                fields.insert("metadata".into(), metadata);
            }
            if let Some(mut tags) = tags {
                tags.dedup();
                fields.insert("tags".into(), tags.into());
            }
            if let Some(score) = score {
                fields.insert("scores".into(), json!({"s": f64::from(score) / 4.0}));
            }
            Value::Object(fields)
        })
}

#[derive(Debug, Clone)]
enum Step {
    Start(u64, Value),
    Log(u64, Value),
    End(u64),
    Wait(u64),
    Gate(bool),
    Flush,
    Reply(usize, Answer),
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Acknowledge,
    /// The server stored the rows, but its answer was lost.
    StoredButLost,
    Busy,
    BusyFor(u64),
    TooLarge,
    /// An upload aside is not known any more, or its URL is refused.
    Forgotten,
}

fn steps() -> impl Strategy<Value = Step> {
    let answer = prop_oneof![
        6 => Just(Answer::Acknowledge),
        1 => Just(Answer::StoredButLost),
        1 => Just(Answer::Busy),
        1 => (1..5u64).prop_map(Answer::BusyFor),
        1 => Just(Answer::TooLarge),
        1 => Just(Answer::Forgotten),
    ];
    prop_oneof![
        4 => (0..8u64, fields()).prop_map(|(span, fields)| Step::Start(span, fields)),
        6 => (0..8u64, fields()).prop_map(|(span, fields)| Step::Log(span, fields)),
        3 => (0..8u64).prop_map(Step::End),
        4 => (0..300u64).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::Gate),
        1 => Just(Step::Flush),
        5 => (0..LANES, answer).prop_map(|(which, answer)| Step::Reply(which, answer)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// Invariants 2 and 4 as well, at every instant, and the stored rows in the end, whatever happens.
    #[test]
    fn invariant_1_every_record_is_accounted_for_and_stored_once(
        history in proptest::collection::vec(steps(), 1..80),
        overflow in any::<bool>(),
    ) {
        let mut world = World::new(options());
        if overflow {
            // Less than a row with anything in it.
            world.core.limit_request_bytes(400, true);
        }
        // Each begins anew once at most: a third time it would be lost, as it must.
        let mut forgotten = HashSet::new();
        let mut heads: HashMap<u64, Arc<Head>> = HashMap::new();
        for step in history {
            match step {
                Step::Start(span, fields) if !heads.contains_key(&span) => {
                    heads.insert(span, head(span));
                    world.record(&heads[&span], Kind::Start, event_of(&fields), &fields);
                }
                Step::Start(..) => {}
                Step::Log(span, fields) => {
                    if let Some(head) = heads.get(&span) {
                        world.record(head, Kind::Log, event_of(&fields), &fields);
                    }
                }
                Step::End(span) => {
                    if let Some(head) = heads.get(&span) {
                        world.record(head, Kind::End, Event::new(), &json!({}));
                    }
                }
                Step::Wait(milliseconds) => world.now += Duration::from_millis(milliseconds),
                Step::Gate(waiting) => world.pressure.gate_waiting = waiting,
                Step::Flush => world.pressure.flush_watermark = Some(world.inbox.stats().accepted),
                Step::Reply(which, answer) => {
                    let Some(&batch) = world.batches().get(which) else { continue };
                    let retry = |after| Reply::Retry { after, detail: String::new() };
                    let reply = match answer {
                        Answer::Acknowledge => Reply::Acknowledged,
                        Answer::Busy => retry(None),
                        Answer::BusyFor(seconds) => retry(Some(Duration::from_secs(seconds))),
                        Answer::StoredButLost => {
                            let body = world.in_flight[&batch].clone();
                            if !matches!(world.stages[&batch], Stage::Announce | Stage::Upload(_)) {
                                world.store(&body);
                            }
                            retry(None)
                        }
                        // Only a batch that can be split; a lone row would be lost, as it must.
                        Answer::TooLarge if rows_of(&world.in_flight[&batch]).len() > 1 => {
                            Reply::TooLarge
                        }
                        Answer::Forgotten
                            if matches!(world.stages[&batch], Stage::Upload(_) | Stage::Name(_))
                                && forgotten.insert(rows_of(&world.in_flight[&batch])[0]["id"].to_string()) =>
                        {
                            Reply::Restart { detail: String::new() }
                        }
                        Answer::TooLarge | Answer::Forgotten => Reply::Acknowledged,
                    };
                    world.reply(batch, reply);
                }
            }
            world.turn();
        }
        world.drain();
        let stats = world.inbox.stats();
        prop_assert_eq!(stats.acknowledged, stats.accepted);
        prop_assert_eq!(stats.rows, heads.len() as u64);
        prop_assert_eq!(world.budget.used_bytes(), 0);
        prop_assert_eq!(world.stored_fields(), world.expected);
    }
}
