//! How a bucket is reached, from the usual variables, and what went wrong, in words for people.

use axum::http::Uri;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

use super::open::BucketError;

/// Settings that name the server. An address without TLS that somebody has written there is meant.
const ENDPOINTS: [AmazonS3ConfigKey; 2] =
    [AmazonS3ConfigKey::Endpoint, AmazonS3ConfigKey::S3Endpoint];
/// Longest text of an error, in characters; stores and what stands before them may send pages.
const SAID_CHARS: usize = 600;

/// Takes settings by the names of their variables. Names that are none are left out: there are
/// variables of other programs with the same beginning.
pub(super) fn builder(settings: &[(String, String)]) -> Result<AmazonS3Builder, BucketError> {
    let mut builder = AmazonS3Builder::new();
    for (name, value) in settings {
        let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() else { continue };
        // The library panics at what makes no header and no URL.
        if value.chars().any(char::is_control) {
            let why = "a line break or another control character is in it";
            return Err(BucketError::Setting(name.clone(), why));
        }
        if ENDPOINTS.contains(&key) {
            let is_plain =
                is_plain(value).map_err(|why| BucketError::Setting(name.clone(), why))?;
            if is_plain {
                builder = builder.with_allow_http(true);
            }
        }
        builder = builder.with_config(key, value);
    }
    Ok(builder)
}

/// Whether a server's URL is one without TLS, or what is wrong with it. It is not shown: there may be
/// a password in it.
fn is_plain(url: &str) -> Result<bool, &'static str> {
    let uri: Uri = url.parse().map_err(|_| "it is no URL of a server")?;
    let is_plain = match uri.scheme_str() {
        Some("http") => true,
        Some("https") => false,
        _ => return Err("it begins neither with https:// nor with http://"),
    };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') || uri.query().is_some() {
        return Err("nothing but the address of a server belongs there");
    }
    let port = authority.strip_prefix(uri.host().unwrap_or_default()).unwrap_or_default();
    if port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("its port is no number up to 65535");
    }
    Ok(is_plain)
}

/// What an error says, with all causes, of which the library repeats some in what they caused.
pub(super) fn failed(error: impl std::error::Error) -> BucketError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    BucketError::Failed(in_short(&text))
}

/// On one line; of a store's answer, which is XML, what it means.
fn in_short(text: &str) -> String {
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(value, _)| value)
    };
    let text = match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => &format!("it answers {code}: {message}"),
        (Some(code), None) => &format!("it answers {code}"),
        _ => text,
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(SAID_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(name: &str, value: &str) -> Result<AmazonS3Builder, String> {
        builder(&[(name.into(), value.into())]).map_err(|error| error.to_string())
    }

    #[test]
    fn settings_that_make_no_request_are_named_and_not_shown() {
        let endpoint = "AWS_ENDPOINT_URL";
        for (name, value, said) in [
            ("AWS_REGION", "us\neast", "control character"),
            ("AWS_SECRET_ACCESS_KEY", "from a file\n", "control character"),
            ("AWS_SESSION_TOKEN", "a\u{7f}", "control character"),
            (endpoint, "", "no URL"),
            (endpoint, "127.0.0.1:9000", "https://"),
            (endpoint, "minio", "https://"),
            (endpoint, "ftp://minio", "https://"),
            (endpoint, "http://", "no URL"),
            (endpoint, "http://a b", "no URL"),
            (endpoint, "http://minio:99999", "port"),
            (endpoint, "http://minio:x", ""),
            (endpoint, "http://user:hunter2@minio", "nothing but"),
            (endpoint, "http://minio/?hunter2", "nothing but"),
            ("AWS_ENDPOINT_URL_S3", "minio:9000", "https://"),
        ] {
            let error = built(name, value).expect_err(value);
            assert!(error.starts_with(name) && error.contains(said), "{value:?}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_server_without_tls_is_meant_if_it_is_written_so() {
        for (url, allowed) in [
            ("http://127.0.0.1:9000", true),
            ("HTTP://minio", true),
            ("http://[::1]:9000/", true),
            ("https://minio:9000/s3", false),
        ] {
            let built = built("AWS_ENDPOINT_URL", url).expect(url);
            let allows = AmazonS3ConfigKey::Client(object_store::ClientConfigKey::AllowHttp);
            let is_allowed = built.get_config_value(&allows).as_deref() == Some("true");
            assert_eq!(is_allowed, allowed, "{url}");
        }
        builder(&[("AWS_PAGER".into(), "less\n".into())]).expect("another program's");
    }

    #[test]
    fn answers_of_stores_are_told_in_short() {
        let answer = "403 Forbidden: <?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code>\
                      <Message>Access\nDenied.</Message><RequestId>1</RequestId></Error>";
        assert_eq!(in_short(answer), "it answers AccessDenied: Access Denied.");
        assert_eq!(in_short("<Error><Code>Slow</Code></Error>"), "it answers Slow");
        assert_eq!(in_short("no\n  route"), "no route");
        assert_eq!(in_short(&"x".repeat(5_000)).len(), SAID_CHARS);
    }
}
