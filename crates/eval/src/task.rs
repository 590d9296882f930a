//! The function under evaluation.

use std::future::Future;
use std::sync::Arc;

use crate::context::Context;
use crate::task_error::{IntoTaskError, TaskError};
use crate::traits::{BoxFuture, Task};

type TaskFuture<O> = BoxFuture<'static, Result<O, TaskError>>;

/// A task with its types erased; called once per trial.
pub(crate) type BoxTask<I, O> = Box<dyn Fn(Arc<I>, Context) -> TaskFuture<O> + Send + Sync>;

/// A closure is cloned for each call and consumed by it. That way async closures that capture
/// something are tasks too: called by reference, their futures would borrow from the closure,
/// and stable Rust cannot say that such a future may move between threads.
pub(crate) fn plain<I, O, F, Fut>(task: F) -> BoxTask<I, O>
where
    F: FnOnce(Arc<I>, Context) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = O> + Send + 'static,
    I: Send + Sync + 'static,
{
    Box::new(move |input, cx| {
        let task = task.clone();
        // Called inside of the future, so that a panic of a plain function is caught as well.
        Box::pin(async move { Ok(task(input, cx).await) })
    })
}

pub(crate) fn fallible<I, O, E, F, Fut>(task: F) -> BoxTask<I, O>
where
    F: FnOnce(Arc<I>, Context) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<O, E>> + Send + 'static,
    E: IntoTaskError,
    I: Send + Sync + 'static,
{
    Box::new(move |input, cx| {
        let task = task.clone();
        Box::pin(async move { task(input, cx).await.map_err(E::into_task_error) })
    })
}

pub(crate) fn object<I, O, T>(task: T) -> BoxTask<I, O>
where
    T: Task<I, O> + 'static,
    I: Send + Sync + 'static,
    O: 'static,
{
    let task = Arc::new(task);
    Box::new(move |input, cx| {
        let task = Arc::clone(&task);
        Box::pin(async move { task.call(input, cx).await })
    })
}
