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
