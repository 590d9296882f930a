//! `GET /api/compare`: two experiments, case by case.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use tidegate_analysis::comparison::{MatchedCase, Pair, Trial, matched_cases};
use tidegate_analysis::statistics::{Options, PairedComparison, compare_metrics, compare_scores};
use tidegate_model::Destination;
use tidegate_model::wire::objects::Named;

use super::auth::Caller;
use super::experiments;
use super::list_params::{cursor, figure, input_hash, limit, order};
use super::lists::{Footer, unknown_sort};
use super::reply::{ApiError, Json};
use super::request::Params;
use crate::app::App;
use crate::store::{
    Case, CaseFilter, CaseQuery, CaseSort, Figure, Kind, Listed, Order, Place, SortKey, StoreError,
};

/// Cases of a page unless the request says otherwise, and at most.
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

/// Trials shown of all cases of a page together, on each side.
const TRIALS: usize = 2_000;

/// Trials of both sides together that are compared; about 500 MB.
const COMPARED_TRIALS: usize = 1_000_000;

#[cfg_attr(test, derive(ts_rs::TS))]
#[derive(Serialize)]
pub(super) struct Comparison {
    experiment: Named,
    base: Named,
    matched_cases: usize,
    current_only_cases: usize,
    base_only_cases: usize,
    /// On the first page only, as `tidegate compare --json` has them.
    scores: Option<BTreeMap<String, PairedComparison>>,
    metrics: Option<BTreeMap<String, PairedComparison>>,
    cases: Vec<ComparedCase>,
    #[serde(flatten)]
    footer: Footer,
}

#[cfg_attr(test, derive(ts_rs::TS))]
#[derive(Serialize)]
struct ComparedCase {
    input_hash: String,
    scores: BTreeMap<String, Sides>,
    metrics: BTreeMap<String, Sides>,
    /// Trials of the experiment, oldest first.
    current: Vec<Case>,
    /// Trials of the base, oldest first.
    base: Vec<Case>,
}

/// Means over the trials of a case.
#[cfg_attr(test, derive(ts_rs::TS))]
#[derive(Serialize)]
struct Sides {
    current: Option<f64>,
    base: Option<f64>,
    difference: Option<f64>,
}

/// Which cases are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Matched,
    Improved,
    Regressed,
    Unchanged,
    CurrentOnly,
    BaseOnly,
}

impl Which {
    fn of(text: &str) -> Result<Self, ApiError> {
        Ok(match text {
            "matched" => Self::Matched,
            "improved" => Self::Improved,
            "regressed" => Self::Regressed,
            "unchanged" => Self::Unchanged,
            "current_only" => Self::CurrentOnly,
            "base_only" => Self::BaseOnly,
            other => {
                return Err(ApiError::bad_request(format!(
                    "\"filter\" cannot be {other:?}: use matched, improved, regressed, unchanged, \
                     current_only or base_only"
                )));
            }
        })
    }

    /// Whether a case is wanted, judged by one figure or by all scores.
    fn takes(self, case: &MatchedCase<'_>, by: Option<&Figure>) -> bool {
        let matched = case.current_trials > 0 && case.base_trials > 0;
        let gains = || gains(case, by);
        match self {
            Self::All => true,
            Self::Matched => matched,
            Self::Improved => gains().any(|gain| gain > 0.0),
            Self::Regressed => gains().any(|gain| gain < 0.0),
            Self::Unchanged => matched && gains().all(|gain| gain == 0.0),
            Self::CurrentOnly => case.base_trials == 0,
            Self::BaseOnly => case.current_trials == 0,
        }
    }
}

/// What changed for the better (above 0) or worse: more of a score, less of a metric.
fn gains<'a>(
    case: &'a MatchedCase<'_>,
    by: Option<&'a Figure>,
) -> impl Iterator<Item = f64> + use<'a> {
    let chosen = by.map(|figure| match figure.kind {
        Kind::Score => (case.scores.get(&*figure.name), 1.0),
        Kind::Metric => (case.metrics.get(&*figure.name), -1.0),
    });
    let scores = case.scores.values().filter(move |_| by.is_none()).map(|pair| (Some(pair), 1.0));
    let pairs = chosen.into_iter().chain(scores);
    // Adding 0 turns -0 into 0.
    pairs.filter_map(|(pair, sign)| Some(pair?.difference()? * sign + 0.0))
}

/// `GET /api/compare`.
pub(super) async fn comparison(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<Comparison>, ApiError> {
    let id = params.require("experiment_id")?;
    caller.object(&app, &Destination::Experiment(id.clone())).await?;
    let current = experiments::find(&app, &id).await?;
    let base = match params.take("base_experiment_id").or_else(|| current.base_id.clone()) {
        Some(id) => id,
        None => {
            let message = "the experiment has no base: name one as \"base_experiment_id\"";
            return Err(ApiError::bad_request(message));
        }
    };
    caller.object(&app, &Destination::Experiment(base.clone())).await?;
    let base = experiments::find(&app, &base).await?;
    let by = match params.take("sort").as_deref() {
        None | Some("change") => None,
        Some(other) => Some(
            figure(other)
                .ok_or_else(|| unknown_sort(other, "change, score:NAME or metric:NAME"))?,
        ),
    };
    let wanted = Wanted {
        by,
        order: order(&mut params, Order::Ascending)?,
        which: params.take("filter").map_or(Ok(Which::All), |text| Which::of(&text))?,
        limit: limit(&mut params, DEFAULT_LIMIT, MAX_LIMIT)?,
        after: cursor(&mut params)?,
    };
    let now = app.store.case_trials(Destination::Experiment(current.id.clone())).await?;
    let before = app.store.case_trials(Destination::Experiment(base.id.clone())).await?;
    if now.len() + before.len() > COMPARED_TRIALS {
        return Err(ApiError::bad_request(format!(
            "the two experiments have more than {COMPARED_TRIALS} trials, too many to compare"
        )));
    }
    let compared = tokio::task::spawn_blocking(move || compared(&now, &before, &wanted)).await;
    let mut compared = compared.map_err(|_| ApiError::from(StoreError::Panicked))?;
    let exact = add_trials(&app, &current.id, &base.id, &mut compared.cases).await?;
    let next = compared.next.as_ref().map(Place::to_cursor);
    let footer = Footer::of(&app, &Listed { value: (), exact }, next);
    Ok(Json(Comparison {
        experiment: Named { id: current.id, name: current.name },
        base: Named { id: base.id, name: base.name },
        matched_cases: compared.counts[0],
        current_only_cases: compared.counts[1],
        base_only_cases: compared.counts[2],
        scores: compared.scores,
        metrics: compared.metrics,
        cases: compared.cases,
        footer,
    }))
}

struct Wanted {
    by: Option<Figure>,
    order: Order,
    which: Which,
    limit: usize,
    after: Option<Place>,
}

struct Compared {
    /// Matched, current only, base only.
    counts: [usize; 3],
    scores: Option<BTreeMap<String, PairedComparison>>,
    metrics: Option<BTreeMap<String, PairedComparison>>,
    cases: Vec<ComparedCase>,
    next: Option<Place>,
}

fn compared(now: &[Trial], before: &[Trial], wanted: &Wanted) -> Compared {
    let cases = matched_cases(now, before);
    let count = |is: fn(&MatchedCase<'_>) -> bool| cases.iter().filter(|case| is(case)).count();
    let counts = [
        count(|case| case.current_trials > 0 && case.base_trials > 0),
        count(|case| case.base_trials == 0),
        count(|case| case.current_trials == 0),
    ];
    let place = |case: &MatchedCase<'_>| Place {
        // The worst change decides: most regressed first, unless the order is turned.
        key: SortKey::Number(gains(case, wanted.by.as_ref()).reduce(f64::min)),
        number: 0,
        text: case.case_key.to_owned(),
    };
    let mut picked: Vec<(Place, &MatchedCase<'_>)> = cases
        .iter()
        .filter(|case| wanted.which.takes(case, wanted.by.as_ref()))
        .map(|case| (place(case), case))
        .filter(|(place, _)| {
            wanted.after.as_ref().is_none_or(|after| place.compare(after, wanted.order).is_gt())
        })
        .collect();
    picked.sort_by(|one, other| one.0.compare(&other.0, wanted.order));
    let more = picked.len() > wanted.limit;
    picked.truncate(wanted.limit);
    let next = picked.last().filter(|_| more).map(|(place, _)| place.clone());
    let options = Options::default();
    let first = wanted.after.is_none();
    Compared {
        counts,
        scores: first.then(|| compare_scores(now, before, &options)),
        metrics: first.then(|| compare_metrics(now, before, &options)),
        cases: picked.into_iter().map(|(_, case)| ComparedCase::of(case)).collect(),
        next,
    }
}

impl ComparedCase {
    fn of(case: &MatchedCase<'_>) -> Self {
        let sides = |pairs: &BTreeMap<&str, Pair>| {
            let sides = pairs.iter().map(|(name, pair)| {
                let Pair { current, base } = *pair;
                ((*name).to_owned(), Sides { current, base, difference: pair.difference() })
            });
            sides.collect()
        };
        Self {
            input_hash: case.case_key.to_owned(),
            scores: sides(&case.scores),
            metrics: sides(&case.metrics),
            current: Vec::new(),
            base: Vec::new(),
        }
    }
}

/// Adds what the trials of a page's cases say; returns whether all of it is up to date.
async fn add_trials(
    app: &App,
    current: &str,
    base: &str,
    cases: &mut [ComparedCase],
) -> Result<bool, ApiError> {
    let hashes = cases.iter().map(|case| input_hash(&case.input_hash)).collect::<Result<_, _>>()?;
    let places: HashMap<String, usize> =
        cases.iter().enumerate().map(|(at, case)| (case.input_hash.clone(), at)).collect();
    let query = CaseQuery {
        sort: CaseSort::Created,
        order: Order::Ascending,
        filter: CaseFilter { input_hashes: Some(hashes), ..CaseFilter::default() },
        limit: TRIALS,
        after: None,
    };
    let of = |id: &str| app.store.cases(Destination::Experiment(id.to_owned()), query.clone());
    let (now, before) = (of(current).await?, of(base).await?);
    for trial in now.value.items {
        if let Some(at) = places.get(&trial.input_hash) {
            cases[*at].current.push(trial);
        }
    }
    for trial in before.value.items {
        if let Some(at) = places.get(&trial.input_hash) {
            cases[*at].base.push(trial);
        }
    }
    Ok(now.exact && before.exact)
}
