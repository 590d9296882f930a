//! Sleeping until a future is done or it is too late.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::task::coop::unconstrained;

use crate::Error;
use crate::clock;

struct Sleeper(Thread);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Blocks the calling thread until a future of the SDK is done, which works on the client's own
/// thread meanwhile; at most until the deadline, after which the future is dropped.
///
/// It works on any thread, also on one of an async runtime. There a future that only the blocked
/// thread could drive ends at the deadline.
///
/// # Errors
/// [`Error::Deadline`].
///
/// # Panics
/// As the future does. One that needs a tokio runtime around it, as none of the SDK does, finds none
/// here: `Runtime::block_on` is for those.
pub fn wait<F: Future>(deadline: Duration, future: F) -> Result<F::Output, Error> {
    // A deadline beyond the clock's range is none that could pass.
    let until = clock::now().checked_add(deadline);
    let waker = Waker::from(Arc::new(Sleeper(thread::current())));
    let mut context = Context::from_waker(&waker);
    // Inside of a task of tokio that has used up its budget, its types would be pending for ever:
    // the budget comes back when that task yields, which it cannot do while it waits here.
    let mut future = pin!(unconstrained(future));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
        match until.map(|until| until.saturating_duration_since(clock::now())) {
            Some(Duration::ZERO) => return Err(Error::Deadline { deadline }),
            Some(left) => thread::park_timeout(left),
            None => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_ready_is_given_even_after_the_deadline() {
        assert_eq!(wait(Duration::ZERO, ready(1)).expect("ready"), 1);
        assert_eq!(wait(Duration::MAX, ready(2)).expect("ready"), 2);
    }

    #[test]
    fn what_never_comes_ends_at_the_deadline() {
        let deadline = Duration::from_millis(20);
        let error = wait(deadline, pending::<()>()).expect_err("too late");
        assert!(matches!(&error, Error::Deadline { deadline: said } if *said == deadline));
        assert_eq!(error.to_string(), "not done within 20ms");
    }

    #[test]
    fn another_thread_wakes_it() {
        let (send, receive) = tokio::sync::oneshot::channel();
        let sender = thread::spawn(move || send.send(3));
        assert_eq!(wait(LONG, receive).expect("in time"), Ok(3));
        sender.join().expect("no panic").expect("received");
    }

    #[test]
    fn a_future_that_wakes_itself_goes_on() {
        let mut polls = 0;
        let counting = poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls < 1000 { Poll::Pending } else { Poll::Ready(()) }
        });
        wait(LONG, counting).expect("in time");
        assert_eq!(polls, 1000);
    }

    #[test]
    fn a_task_that_has_used_up_its_budget_is_not_stuck() {
        use tokio::sync::mpsc;

        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (send, mut receive) = mpsc::channel(1024);
        (0..1024).for_each(|n| send.try_send(n).expect("room"));
        let used_up = poll_fn(|context| {
            // Pending in spite of what is there, once the budget is used up.
            while receive.poll_recv(context).is_ready() {}
            assert!(!receive.is_empty());
            Poll::Ready(wait(LONG, receive.recv()))
        });
        assert!(runtime.block_on(used_up).expect("in time").is_some());
    }
}
