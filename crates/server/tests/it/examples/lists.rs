//! Good requests for lists, comparison and search.

use super::{Example, Objects, Other};

/// The example for a route; `None` if it is not one of these.
pub(super) fn example(method: &str, path: &str, of: &Objects) -> Option<Example> {
    let Objects { project, experiment, base, dataset, .. } = of;
    let here = path.replace("{kind}", "experiment").replace("{id}", experiment);
    Some(match (method, path) {
        ("GET", "/api/projects") => Example::get(path).other(Other::Narrowed),
        ("GET", "/api/projects/{id}/experiments") => Example::get(path.replace("{id}", project)),
        ("GET", "/api/objects/{kind}/{id}/cases") => Example::get(here),
        ("GET", "/api/objects/{kind}/{id}/trace") => Example::get(format!("{here}?root_span_id=r")),
        ("GET", "/api/objects/{kind}/{id}/histogram") => Example::get(here),
        ("GET", "/api/objects/{kind}/{id}/groups") => Example::get(format!("{here}?by=tag")),
        ("GET", "/api/datasets/{id}/versions") => Example::get(path.replace("{id}", dataset)),
        // It would go on for ever.
        ("GET", "/api/events") => {
            Example::get(format!("{path}?experiment_id={experiment}&seconds=0"))
        }
        ("GET", "/api/location") => {
            Example::get(format!("{path}?object_type=experiment&object_id={experiment}&id=r"))
        }
        ("GET", "/api/compare") => {
            Example::get(format!("{path}?experiment_id={experiment}&base_experiment_id={base}"))
        }
        ("GET", "/api/search") => Example::get(format!("{path}?q=text")).other(Other::Narrowed),
        _ => return None,
    })
}
