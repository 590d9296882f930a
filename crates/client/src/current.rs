//! Which span is the current one: that of the task, or one entered on this thread.
//!
//! Tasks carry theirs with them ([`Span::scope`]). A `tracing` layer cannot wrap the code that runs
//! inside of a span, it only hears of entering and leaving; its spans are kept per thread. The inner
//! one of the two is current: what was entered on the thread counts as long as the task still has
//! the span that it had then.

use std::cell::RefCell;
use std::future::Future;

use tidegate_model::SpanId;

use crate::span::Span;

tokio::task_local! {
    static TASK: Span;
}

thread_local! {
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

struct Entered {
    key: Key,
    span: Span,
    /// The span of the task at that moment.
    over: Within,
}

/// Says who entered, so that only they leave: a layer, and its span.
pub(crate) type Key = (u32, u64);

/// The span of a task, by its id: `None` without one, `Some(None)` with a disabled one.
type Within = Option<Option<SpanId>>;

fn task() -> Within {
    TASK.try_with(Span::span_id).ok()
}

pub(crate) fn current() -> Option<Span> {
    let entered = ENTERED.try_with(|entered| {
        let entered = entered.try_borrow().ok()?;
        let last = entered.last()?;
        (last.over == task()).then(|| last.span.clone())
    });
    // An error: the thread is ending.
    entered.ok().flatten().or_else(|| TASK.try_with(Span::clone).ok())
}

pub(crate) async fn scope<F: Future>(span: Span, future: F) -> F::Output {
    TASK.scope(span, future).await
}

pub(crate) fn in_scope<T>(span: Span, run: impl FnOnce() -> T) -> T {
    TASK.sync_scope(span, run)
}

/// Makes a span current on this thread until [`exit`] is called with the same key.
pub(crate) fn enter(span: Span, key: Key) {
    let over = task();
    // An error: the thread is ending, and nothing more is started on it.
    ENTERED
        .try_with(|entered| {
            if let Ok(mut entered) = entered.try_borrow_mut() {
                entered.push(Entered { key, span, over });
            }
        })
        .ok();
}

pub(crate) fn exit(key: Key) {
    let left = ENTERED.try_with(|entered| {
        let mut entered = entered.try_borrow_mut().ok()?;
        // Mostly the last; guards may be dropped in any order.
        let at = entered.iter().rposition(|one| one.key == key)?;
        Some(entered.remove(at))
    });
    // Dropped only here: the last handle of a span records its end.
    drop(left);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::TraceBuffer;

    fn span() -> Span {
        Span::disabled().child_kept("span", &TraceBuffer::new(1 << 16))
    }

    fn current_id() -> Option<SpanId> {
        current().and_then(|span| span.span_id())
    }

    #[test]
    fn the_inner_one_of_task_and_thread_is_current() {
        let (task, inner_task, entered) = (span(), span(), span());
        task.in_scope(|| {
            enter(entered.clone(), (0, 1));
            assert_eq!(current_id(), entered.span_id());
            inner_task.in_scope(|| {
                assert_eq!(current_id(), inner_task.span_id());
                let innermost = span();
                enter(innermost.clone(), (0, 2));
                assert_eq!(current_id(), innermost.span_id());
                exit((0, 2));
                assert_eq!(current_id(), inner_task.span_id());
            });
            assert_eq!(current_id(), entered.span_id());
            exit((0, 1));
            assert_eq!(current_id(), task.span_id());
        });
        assert!(current().is_none());
    }

    #[test]
    fn a_scope_of_a_disabled_span_hides_what_was_entered_around_it() {
        let entered = span();
        enter(entered.clone(), (0, 1));
        Span::disabled().in_scope(|| {
            assert!(!current().expect("the disabled one").is_recording());
        });
        assert_eq!(current_id(), entered.span_id());
        exit((0, 1));
    }

    #[test]
    fn spans_are_left_in_any_order_and_twice_without_harm() {
        let (first, second) = (span(), span());
        enter(first.clone(), (0, 1));
        enter(second.clone(), (0, 2));
        exit((0, 1));
        assert_eq!(current_id(), second.span_id());
        exit((0, 2));
        exit((0, 2));
        assert!(current().is_none());
    }

    #[test]
    fn what_is_left_over_of_a_task_is_not_current_in_another() {
        let (task, leaked) = (span(), span());
        task.in_scope(|| enter(leaked, (0, 1)));
        assert!(current().is_none());
        exit((0, 1));
    }
}
