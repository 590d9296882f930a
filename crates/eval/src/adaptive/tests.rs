use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::clock;

/// Fills the limit, and answers each call: those beyond `allowed` are rejected.
fn round(state: &mut State, allowed: usize) -> usize {
    let now = clock::now();
    let mut calls = Vec::new();
    while state.admit(now) == Admission::Now {
        calls.push(state.begun());
    }
    let count = calls.len();
    state.wait();
    for (index, begun) in calls.into_iter().enumerate() {
        match index < allowed {
            true => state.succeeded(begun),
            false => state.overloaded(begun, now, None),
        }
        state.left();
    }
    state.waited();
    count
}

#[test]
fn the_limit_doubles_until_the_first_cut_and_then_grows_by_one_per_round() {
    let mut state = State::new(1, 100);
    let rounds: Vec<_> = (0..6).map(|_| round(&mut state, 20)).collect();
    // Of 32 at once 20 come through; the first failure cuts 52 x 0.7, the others nothing.
    assert_eq!(rounds[..5], [1, 2, 4, 8, 16]);
    assert_eq!(state.cuts, 1, "{state:?}");
    let mut limits = Vec::new();
    for _ in 0..200 {
        limits.push(round(&mut state, 20));
    }
    let settled = &limits[20..];
    assert!(settled.iter().all(|limit| (13..=22).contains(limit)), "{settled:?}");
    let rises = settled.windows(2).filter(|pair| pair[1] > pair[0]);
    assert!(rises.clone().all(|pair| pair[1] - pair[0] <= 1), "{settled:?}");
    assert!(rises.count() > 100);
}

#[test]
fn calls_that_began_before_a_cut_change_nothing_after_it() {
    let (mut state, now) = (State::new(1, 100), clock::now());
    while state.limit() < 40 {
        round(&mut state, 40);
    }
    let mut begun = Vec::new();
    while state.admit(now) == Admission::Now {
        begun.push(state.begun());
    }
    let before = state.limit();
    for begun in begun {
        state.overloaded(begun, now, None);
    }
    assert_eq!((state.limit(), state.cuts), ((before as f64 * CUT) as usize, 1));
    // Those that run on above the new limit are the old limit's doing.
    let again = state.begun();
    state.overloaded(again, now, None);
    assert_eq!(state.cuts, 1);
    while !state.has_settled() {
        state.left();
    }
    state.overloaded(again, now, None);
    assert_eq!(state.cuts, 2);
}

#[test]
fn a_limit_that_is_not_used_does_not_grow() {
    let (mut state, now) = (State::new(10, 100), clock::now());
    for _ in 0..50 {
        assert_eq!(state.admit(now), Admission::Now);
        state.succeeded(state.begun());
        state.left();
    }
    assert_eq!(state.limit(), 10);
}

#[test]
fn a_wait_that_was_asked_for_holds_up_new_tasks_and_is_bounded() {
    let (mut state, now) = (State::new(4, 8), clock::now());
    let second = Duration::from_secs(1);
    assert_eq!(state.admit(now), Admission::Now);
    state.overloaded(state.begun(), now, Some(9 * second));
    state.overloaded(state.begun(), now, Some(5 * second));
    assert_eq!(state.admit(now + 8 * second), Admission::At(now + 9 * second));
    assert_eq!(state.admit(now + 9 * second), Admission::Now);
    state.overloaded(state.begun(), now, Some(Duration::MAX));
    assert_eq!(state.admit(now), Admission::At(now + LONGEST_PAUSE));
}

#[derive(Debug, Clone)]
enum Step {
    Start,
    Succeed(usize),
    Reject(usize, Option<u64>),
    Retry(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Start),
        4 => any::<usize>().prop_map(Step::Succeed),
        2 => (any::<usize>(), proptest::option::of(0_u64..5)).prop_map(|(n, w)| Step::Reject(n, w)),
        1 => any::<usize>().prop_map(Step::Retry),
        2 => (0_u64..5).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Against a model that knows, for every call, whether there was a cut since it began.
    #[test]
    fn the_limit_keeps_its_bounds_and_each_cut_has_a_call_of_its_own(
        min in 0_usize..8,
        more in 0_usize..20,
        steps in proptest::collection::vec(step(), 1..400),
    ) {
        let (low, high) = (min.max(1), (min + more).max(1));
        let mut state = State::new(min, min + more);
        let mut now = clock::now();
        // Of each running task: when its call began, and the cuts there were then.
        let mut running: VecDeque<(Begun, u64)> = VecDeque::new();
        let mut asked_for = now;
        for step in steps {
            let (cuts, limit) = (state.cuts, state.limit());
            match step {
                Step::Start => match state.admit(now) {
                    Admission::Now => {
                        prop_assert!(now >= asked_for && running.len() < limit);
                        running.push_back((state.begun(), cuts));
                    }
                    Admission::At(moment) => prop_assert!(moment > now && moment == asked_for),
                    Admission::Full => {
                        prop_assert!(running.len() >= limit);
                        // From now on growth is wanted.
                        state.wait();
                    }
                },
                Step::Wait(seconds) => now += Duration::from_secs(seconds),
                Step::Succeed(which) if !running.is_empty() => {
                    let (begun, _) = running[which % running.len()];
                    state.succeeded(begun);
                    running.remove(which % running.len());
                    state.left();
                    prop_assert!(state.limit() <= limit + 1);
                }
                Step::Reject(which, wait) if !running.is_empty() => {
                    let (begun, then) = running[which % running.len()];
                    let wait = wait.map(Duration::from_secs);
                    state.overloaded(begun, now, wait);
                    asked_for = asked_for.max(now + wait.unwrap_or_default());
                    let cut = then == cuts && running.len() <= limit;
                    prop_assert_eq!(state.cuts, cuts + u64::from(cut));
                    running.remove(which % running.len());
                    state.left();
                }
                Step::Retry(which) if !running.is_empty() => {
                    let which = which % running.len();
                    running[which] = (state.begun(), cuts);
                }
                _ => {}
            }
            prop_assert!((low..=high).contains(&state.limit()), "{:?}", state);
            prop_assert!(state.reached().highest >= state.limit());
        }
    }
}
