//! Requests that a browser sends for a page from elsewhere.

use axum::http::{HeaderMap, Uri, header};

/// Whether the request comes from a web page that is not ours: by its `Origin`, or, after DNS
/// rebinding, by a `Host` that is a public name.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let foreign_host = host.is_some_and(|host| !is_local(host));
    let foreign_origin = origin.is_some_and(|origin| {
        let authority = origin.parse::<Uri>().ok().and_then(|uri| uri.authority().cloned());
        !authority.is_some_and(|authority| is_local(authority.as_str()))
    });
    foreign_host || foreign_origin
}

/// Whether a request comes from a page of this very server, as a browser tells. A cookie is sent
/// whoever asks, so what changes something by one must say where it comes from.
pub(super) fn is_same(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // Right also where a proxy rewrites `Host`. Browsers leave it out on plain HTTP.
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let authority = |origin: &str| {
        let uri = origin.parse::<Uri>().ok()?;
        uri.authority().map(|authority| authority.as_str().to_ascii_lowercase())
    };
    let host = text(header::HOST.as_str()).map(str::to_ascii_lowercase);
    host.is_some() && text(header::ORIGIN.as_str()).and_then(authority) == host
}

/// Whether a browser says that a page of another origin asks.
pub(super) fn is_other(headers: &HeaderMap) -> bool {
    let says = headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN);
    says && !is_same(headers)
}

/// Whether `host[:port]` can only mean this machine or an address, not a name anybody can own.
fn is_local(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<std::net::IpAddr>().is_ok()
        || host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        // How a container reaches the loopback address of its host.
        || host.eq_ignore_ascii_case("host.docker.internal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_server_are_the_same() {
        let of = |pairs: &[(&'static str, &str)]| -> HeaderMap {
            let pair = |(name, value): &(&'static str, &str)| {
                (name.parse().expect("name"), value.parse().expect("value"))
            };
            pairs.iter().map(pair).collect()
        };
        for (headers, same, other) in [
            (of(&[("host", "h:1"), ("origin", "https://h:1")]), true, false),
            (of(&[("host", "H:1"), ("origin", "http://h:1")]), true, false),
            (of(&[("host", "up:1"), ("sec-fetch-site", "same-origin")]), true, false),
            (of(&[("host", "h:1"), ("origin", "http://h:2")]), false, true),
            (of(&[("host", "h:1"), ("origin", "null")]), false, true),
            (of(&[("host", "h:1"), ("sec-fetch-site", "same-site")]), false, true),
            (
                of(&[("host", "h:1"), ("origin", "http://h:1"), ("sec-fetch-site", "cross-site")]),
                false,
                true,
            ),
            (of(&[("host", "h:1")]), false, false),
            (of(&[]), false, false),
        ] {
            assert_eq!((is_same(&headers), is_other(&headers)), (same, other), "{headers:?}");
        }
    }
}
