//! Tasks and scorers as types of their own, for those that closures do not suit.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::context::Context;
use crate::scorer::{Score, SharedArgs};
use crate::task_error::TaskError;

/// What the methods of [`Task`] and [`Scorer`] return, so that both can be trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A task as a type: for one that is chosen at run time, or that a library provides. Given to
/// [`Eval::task_with`](crate::Eval::task_with); an `Arc` or `Box` of a task is one too.
///
/// ```
/// use std::sync::Arc;
/// use tidegate_eval::{BoxFuture, Case, Context, Eval, Report, Task, TaskError};
///
/// struct Greeter {
///     word: String,
/// }
///
/// impl Task<String, String> for Greeter {
///     fn call(&self, name: Arc<String>, cx: Context) -> BoxFuture<'_, Result<String, TaskError>> {
///         Box::pin(async move {
///             cx.set_metadata("word", &self.word);
///             Ok(format!("{}, {name}", self.word))
///         })
///     }
/// }
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let chosen: Box<dyn Task<String, String>> = Box::new(Greeter { word: "Hi".into() });
/// let outcome = Eval::new("greetings")
///     .data([Case::new("Ada".to_owned())])
///     .task_with(chosen)
///     .report(Report::Silent)
///     .run_without_sending()
///     .await?;
/// assert_eq!(outcome.results[0].output.as_deref().map(String::as_str), Some("Hi, Ada"));
/// # Ok::<(), tidegate_eval::EvalError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Task<I, O>: Send + Sync {
    /// Runs on one input. Called once per try; a panic is a failure that is not retried.
    ///
    /// # Errors
    /// What is recorded as the trial's error; see [`TaskError`].
    ///
    /// # Cancel safety
    /// The future is dropped at an await when its time is up.
    fn call(&self, input: Arc<I>, cx: Context) -> BoxFuture<'_, Result<O, TaskError>>;
}

impl<I, O, T: Task<I, O> + ?Sized> Task<I, O> for Arc<T> {
    fn call(&self, input: Arc<I>, cx: Context) -> BoxFuture<'_, Result<O, TaskError>> {
        (**self).call(input, cx)
    }
}

impl<I, O, T: Task<I, O> + ?Sized> Task<I, O> for Box<T> {
    fn call(&self, input: Arc<I>, cx: Context) -> BoxFuture<'_, Result<O, TaskError>> {
        (**self).call(input, cx)
    }
}

/// A scorer as a type: for one that is chosen at run time, or that a library provides. Given to
/// [`Eval::scorer_with`](crate::Eval::scorer_with); an `Arc` or `Box` of a scorer is one too.
///
/// ```
/// use tidegate_eval::{BoxFuture, Score, Scorer, SharedArgs};
///
/// struct Shorter {
///     than: usize,
/// }
///
/// impl<I, E> Scorer<I, String, E> for Shorter
/// where
///     I: Send + Sync + 'static,
///     E: Send + Sync + 'static,
/// {
///     fn name(&self) -> &str {
///         "shorter"
///     }
///
///     fn score(&self, args: SharedArgs<I, String, E>) -> BoxFuture<'_, Result<Score, String>> {
///         let is_shorter = args.output.len() < self.than;
///         Box::pin(async move { Ok(Score::new(f64::from(u8::from(is_shorter)))) })
///     }
/// }
///
/// let all: Vec<Box<dyn Scorer<u32, String, ()>>> = vec![Box::new(Shorter { than: 80 })];
/// assert_eq!(all[0].name(), "shorter");
/// ```
pub trait Scorer<I, O, E>: Send + Sync {
    /// Name of the score. Asked for once, when the scorer is added.
    fn name(&self) -> &str;

    /// Scores one output.
    ///
    /// # Errors
    /// What is recorded as this scorer's failure; the case goes on.
    ///
    /// # Cancel safety
    /// The future is dropped at an await when its time is up.
    fn score(&self, args: SharedArgs<I, O, E>) -> BoxFuture<'_, Result<Score, String>>;
}

impl<I, O, E, T: Scorer<I, O, E> + ?Sized> Scorer<I, O, E> for Arc<T> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn score(&self, args: SharedArgs<I, O, E>) -> BoxFuture<'_, Result<Score, String>> {
        (**self).score(args)
    }
}

impl<I, O, E, T: Scorer<I, O, E> + ?Sized> Scorer<I, O, E> for Box<T> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn score(&self, args: SharedArgs<I, O, E>) -> BoxFuture<'_, Result<Score, String>> {
        (**self).score(args)
    }
}
