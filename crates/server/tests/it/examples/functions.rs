//! Good requests for prompts and other functions.

use serde_json::{Value, json};

use super::{Example, Objects, Other};

/// The example for a route; `None` if it is not one of these.
pub(super) fn example(method: &str, path: &str, of: &Objects) -> Option<Example> {
    let Objects { project, project_name, prompt, prompt_xact, bundle, .. } = of;
    let here = path.replace("{kind}", "prompt").replace("{id}", prompt);
    let new = |slug: &str| -> Value {
        json!({"project_id": project, "slug": slug, "name": "another",
            "function_data": {"type": "prompt"}})
    };
    Some(match (method, path) {
        ("GET", "/v1/prompt" | "/v1/function") => Example::get(path).other(Other::Narrowed),
        ("POST" | "PUT", "/v1/prompt") => {
            let named = json!({"project_name": project_name, "slug": "more", "name": "more"});
            Example::post(path, named)
        }
        ("POST" | "PUT", "/v1/function") => Example::post(path, new("yet more")),
        ("POST", "/insert-functions") => Example::post(path, json!({"functions": [new("pushed")]})),
        ("GET" | "DELETE", "/v1/prompt/{id}" | "/v1/function/{id}") => Example::get(here),
        ("PATCH", "/v1/prompt/{id}" | "/v1/function/{id}") => {
            Example::post(here, json!({"description": "words"}))
        }
        ("POST", "/function/code") => Example::post(path, json!({})).other(Other::Anybody),
        ("GET", "/function/code/{id}") => Example::get(path.replace("{id}", bundle)),
        ("GET", "/environment-object/{kind}/{id}") => Example::get(here),
        ("POST", "/environment-object/{kind}/{id}") => Example::post(
            here,
            json!({"object_version": prompt_xact, "environment_slug": "production"}),
        ),
        ("PUT", "/environment-object/{kind}/{id}/{environment}") => Example::post(
            here.replace("{environment}", "production"),
            json!({"object_version": prompt_xact}),
        ),
        ("GET" | "DELETE", "/environment-object/{kind}/{id}/{environment}") => {
            Example::get(here.replace("{environment}", "set"))
        }
        _ => return None,
    })
}
