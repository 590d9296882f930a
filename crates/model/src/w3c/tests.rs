use proptest::prelude::*;

use super::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn extract(headers: &[(&str, &str)]) -> Option<TraceContext> {
    TraceContext::extract(headers.iter().copied())
}

fn injected(context: &TraceContext) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    context.inject(|name, value| headers.push((name, value.to_owned())));
    headers
}

#[test]
fn invalid_parents_are_none() {
    for bad in [
        "",
        "00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        "+0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-é",
    ] {
        assert_eq!(TraceParent::parse(bad), None, "{bad}");
    }
}

#[test]
fn later_versions_are_read_as_far_as_they_are_known_and_flags_too() {
    let known = TraceParent::parse(PARENT).expect("valid");
    let later = PARENT.replacen("00", "cc", 1);
    assert_eq!(TraceParent::parse(&later), Some(known));
    assert_eq!(TraceParent::parse(&format!("{later}-what-is-new")), Some(known));
    let flags = format!("{}ff", &PARENT[..PARENT.len() - 2]);
    let parent = TraceParent::parse(&flags).expect("valid");
    assert!(parent.to_string().ends_with("-03"));
    assert!(parent.with_span(known.span_id, false).to_string().ends_with("-02"));
    assert!(!TraceParent::parse(&PARENT.replace("-01", "-00")).expect("valid").is_sampled());
}

#[test]
fn a_second_parent_makes_both_void_and_a_bad_state_only_itself() {
    assert_eq!(extract(&[("traceparent", PARENT), ("TRACEPARENT", PARENT)]), None);
    let context = extract(&[("traceparent", PARENT), ("tracestate", "Bad=1")]).expect("a context");
    assert!(context.state.is_empty());
    let headers = [("traceparent", PARENT.as_bytes()), ("tracestate", b"a=\xff")];
    assert!(TraceContext::extract(headers).expect("a context").state.is_empty());
    assert_eq!(TraceContext::extract([("traceparent", b"\xff")]), None);
}

#[test]
fn states_of_several_headers_are_one_within_the_limits() {
    let headers = [("traceparent", PARENT), ("tracestate", "a=1, ,b=2"), ("Tracestate", "c@d=3")];
    assert_eq!(extract(&headers).expect("a context").state.as_str(), "a=1,b=2,c@d=3");
    let list = |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    assert_eq!(TraceState::parse(&list(32)).expect("valid").as_str(), list(32));
    assert_eq!(TraceState::parse(&list(33)), None);
    for bad in
        ["a", "a=", "=1", "A=1", "a=1,a=2", "a=b=c", "a=\u{7f}", &format!("a={}", "v".repeat(257))]
    {
        assert_eq!(TraceState::parse(bad), None, "{bad}");
    }
    // The long one goes first, although it stands before the others.
    let (long, short) = ("v".repeat(200), "v".repeat(100));
    let state = format!("a={short},b={long},c={short},d={short},e={short}");
    let kept = format!("a={short},c={short},d={short},e={short}");
    assert_eq!(TraceState::parse(&state).expect("valid").as_str(), kept);
    let state = format!("{kept},f={short}");
    assert_eq!(TraceState::parse(&state).expect("valid").as_str(), kept);
}

#[test]
fn baggage_is_decoded_and_its_limits_leave_whole_members_out() {
    let mut baggage = Baggage::default();
    baggage.add_header("a=%C3%A9%zz%, bad key=1,b = 2 ;p=q;r ,c=\"quoted\",=x,d=%ff,b=3");
    let members: Vec<_> =
        baggage.members().iter().map(|member| (member.key(), member.value())).collect();
    assert_eq!(members, [("a", "é%zz%"), ("b", "2"), ("d", "\u{fffd}"), ("b", "3")]);
    assert_eq!(baggage.get("b"), Some("3"));
    assert_eq!(baggage.to_string(), "a=%C3%A9%25zz%25,b=2;p=q;r,d=%EF%BF%BD,b=3");

    let mut many = Baggage::default();
    many.add_header(&(0..100).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(","));
    assert_eq!(many.members().len(), 64);
    let mut large = Baggage::default();
    large.add_header(&format!("a=1,b={},c=3", "v".repeat(8192)));
    assert_eq!(large.to_string(), "a=1,c=3");
    assert!(!large.add(BaggageMember::new("d", &"é".repeat(2000)).expect("a token")));
    assert_eq!(BaggageMember::new("no token", ""), None);

    // What leads is there even if there is no room for all.
    let led = many.led_by(BaggageMember::new(BRAINTRUST_PARENT, "project_id:p").expect("a token"));
    assert_eq!((led.members().len(), led.get("k62"), led.get("k63")), (64, Some("v"), None));
    assert!(led.to_string().starts_with("braintrust.parent=project_id%3Ap,k0=v"));
    let again = led.led_by(BaggageMember::new("k5", "new").expect("a token"));
    assert_eq!((again.members().len(), again.get("k5")), (64, Some("new")));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(
        parent: Vec<u8>, state: Vec<u8>, baggage: Vec<u8>, name in "\\PC{0,12}"
    ) {
        let headers = [("traceparent", &parent), ("tracestate", &state), ("baggage", &baggage)];
        TraceContext::extract(headers);
        let valid = PARENT.as_bytes().to_vec();
        let headers = [("traceparent", &valid), ("tracestate", &state), ("baggage", &baggage), (&*name, &parent)];
        if let Some(context) = TraceContext::extract(headers) {
            let again = injected(&context);
            prop_assert_eq!(TraceContext::extract(again), Some(context));
        }
    }

    #[test]
    fn any_text_near_the_formats_is_read_without_a_panic(
        parent in "[0-9a-fA-F]{0,3}-?[0-9a-f]{30,34}-[0-9a-f]{15,17}-[0-9a-f]{1,3}\\PC{0,3}",
        state in "([a-zA-Z0-9@]{1,3}=[ -~]{0,140}, ?){0,40}",
        baggage in "([a-z]{1,3} ?= ?[!-~é ]{0,300}(;[ -~]{0,9})?,){0,80}",
    ) {
        let headers = [("traceparent", &*parent), ("tracestate", &state), ("baggage", &baggage)];
        extract(&headers);
        let headers = [("traceparent", PARENT), ("tracestate", &state), ("baggage", &baggage)];
        let context = extract(&headers).expect("the parent is valid");
        prop_assert!(context.state.as_str().len() <= 512);
        prop_assert!(context.baggage.to_string().len() <= 8192);
        prop_assert_eq!(TraceContext::extract(injected(&context)), Some(context));
    }

    #[test]
    fn what_is_injected_is_extracted(
        (trace, span, is_sampled) in (1u128.., 1u64.., any::<bool>()),
        members in prop::collection::vec(("[a-z!#]{1,8}", "\\PC{0,40}"), 0..20),
        states in prop::collection::btree_map("[a-z][a-z0-9_/*-]{0,9}", "[!-+\\--<>-~]{1,9}", 0..20),
    ) {
        let mut baggage = Baggage::default();
        for (key, value) in &members {
            baggage.add(BaggageMember::new(key, value).expect("a token"));
        }
        let state: Vec<_> = states.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let parent = TraceParent::new(
            crate::TraceId::from_bits(trace), crate::SpanId::from_bits(span), is_sampled,
        );
        let state = TraceState::parse(&state.join(",")).expect("valid members");
        let context = TraceContext { parent, state, baggage };
        prop_assert_eq!(TraceContext::extract(injected(&context)), Some(context));
    }
}
