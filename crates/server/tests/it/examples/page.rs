//! Good requests for the web page, its sessions, and keys.

use serde_json::json;

use super::{Example, Objects, Other};

/// The example for a route; `None` if it is not one of these.
pub(super) fn example(method: &str, path: &str, of: &Objects) -> Option<Example> {
    let browser = |path: &str| {
        let headers = vec![("accept", "text/html,*/*")];
        Example { headers, ..Example::get(path) }.other(Other::Anybody)
    };
    let file = |beginning: &str, ending: &str| {
        let page = std::fs::read_to_string("../../ui/dist/index.html").expect("the page");
        let named =
            page.split('"').find(|part| part.starts_with(beginning) && part.ends_with(ending));
        Example::get(named.expect("a file").to_owned()).other(Other::Anybody)
    };
    Some(match (method, path) {
        ("GET", "/" | "/login" | "/speedscope/") => browser(path),
        ("GET", "/icon.svg") => Example::get(path).other(Other::Anybody),
        ("GET", "/assets/{*file}") => file("/assets/", ".css"),
        ("GET", "/speedscope/{*file}") => {
            Example::get("/speedscope/release.txt").other(Other::Anybody)
        }
        ("GET" | "DELETE", "/api/session") => Example::get(path).other(Other::Anybody),
        ("POST", "/api/session") => {
            Example::post(path, json!({"key": of.spare_key})).other(Other::Anybody)
        }
        ("GET", "/v1/api_key") => Example::get(path).other(Other::NeedsAll),
        ("POST", "/v1/api_key") => {
            Example::post(path, json!({"name": "another", "scope": "read"})).other(Other::NeedsAll)
        }
        (_, "/v1/api_key/{id}") => {
            Example::get(path.replace("{id}", &of.spare_key_id)).other(Other::NeedsAll)
        }
        _ => return None,
    })
}
