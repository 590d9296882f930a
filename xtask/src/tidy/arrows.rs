//! Which crate may depend on which: the map of ARCHITECTURE.md as data.

use serde_json::Value;

const MODEL: &str = "tidegate-model";
const ANALYSIS: &str = "tidegate-analysis";
const CLIENT: &str = "tidegate-client";
const SCORERS: &str = "tidegate-scorers";
const EVAL: &str = "tidegate-eval";
const SERVER: &str = "tidegate-server";
const FACADE: &str = "tidegate";
const TESTKIT: &str = "tidegate-testkit";

/// Package, what it may depend on, and what only behind an optional feature.
const ALLOWED: &[(&str, &[&str], &[&str])] = &[
    (MODEL, &[], &[]),
    (ANALYSIS, &[MODEL], &[]),
    (CLIENT, &[MODEL], &[]),
    (SCORERS, &[MODEL], &[]),
    (EVAL, &[MODEL, ANALYSIS, CLIENT, SCORERS], &[]),
    (SERVER, &[MODEL, ANALYSIS], &[]),
    (FACADE, &[MODEL, CLIENT, EVAL, SCORERS], &[SERVER]),
    ("tidegate-cli", &[MODEL, ANALYSIS, CLIENT, SCORERS, EVAL, SERVER, FACADE], &[]),
    (TESTKIT, &[MODEL, CLIENT, SERVER], &[]),
    ("examples", &[FACADE], &[]),
    ("tidegate-e2e", &[MODEL, CLIENT, TESTKIT], &[]),
    ("tidegate-loom", &[], &[]),
    ("xtask", &[TESTKIT], &[]),
];

/// Checks the normal dependencies of all workspace packages. Tests may reach further: a crate's
/// dev-dependencies do not reach its users.
pub(super) fn check(metadata: &Value) -> Vec<String> {
    let packages: Vec<&Value> = metadata["packages"].as_array().into_iter().flatten().collect();
    let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut problems = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, free, optional)) = ALLOWED.iter().find(|(known, ..)| *known == name) else {
            problems.push(format!("package {name} is not in the map (xtask/src/tidy/arrows.rs)"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let target = dependency["name"].as_str().unwrap_or_default();
            if !dependency["kind"].is_null() || !names.contains(&target) {
                continue;
            }
            let is_optional = dependency["optional"].as_bool() == Some(true);
            let allowed = free.contains(&target) || is_optional && optional.contains(&target);
            if !allowed {
                problems.push(format!("{name} must not depend on {target} (ARCHITECTURE.md)"));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(name: &str, dependency: &Value) -> Vec<String> {
        check(&json!({"packages": [
            {"name": name, "dependencies": [dependency]},
            {"name": SERVER, "dependencies": []},
            {"name": MODEL, "dependencies": []},
        ]}))
    }

    #[test]
    fn an_arrow_against_the_map_is_found() {
        let found = problems(CLIENT, &json!({"name": SERVER, "kind": null, "optional": false}));
        assert_eq!(found, ["tidegate-client must not depend on tidegate-server (ARCHITECTURE.md)"]);
        let allowed = json!({"name": MODEL, "kind": null, "optional": false});
        assert!(problems(CLIENT, &allowed).is_empty());
    }

    #[test]
    fn the_server_is_only_an_optional_part_of_the_facade() {
        let plain = json!({"name": SERVER, "kind": null, "optional": false});
        assert_eq!(problems(FACADE, &plain).len(), 1);
        let optional = json!({"name": SERVER, "kind": null, "optional": true});
        assert!(problems(FACADE, &optional).is_empty());
    }

    #[test]
    fn tests_may_reach_further_and_unknown_packages_may_not_hide() {
        let dev = json!({"name": SERVER, "kind": "dev", "optional": false});
        assert!(problems(EVAL, &dev).is_empty());
        let outside = json!({"name": "serde", "kind": null, "optional": false});
        assert_eq!(problems("tidegate-new", &outside).len(), 1);
    }
}
