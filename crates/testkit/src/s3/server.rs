//! A running server, as its users see it.

use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use super::REGION;
use super::process::Process;
use super::sign::Credentials;
use crate::{Reply, random, send};

const TIMEOUT: Duration = Duration::from_secs(60);

/// An S3-compatible server that refuses requests which are not signed with its key. What it holds is
/// gone with it.
#[derive(Debug)]
pub struct Server {
    process: Process,
    credentials: Credentials,
    without_rights: Credentials,
}

/// An object of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its whole key.
    pub key: String,
    /// Its length.
    pub bytes: u64,
}

/// The server of this test program; each test has its own bucket there.
///
/// # Panics
/// If it cannot be started.
#[must_use]
pub fn shared() -> &'static Server {
    // Never dropped: the end of the process ends it.
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    /// Starts one.
    ///
    /// # Panics
    /// If it is not installed or does not start; with what it says.
    #[must_use]
    pub fn start() -> Self {
        let process = Process::start().unwrap_or_else(|error| panic!("{error}"));
        let url = format!("http://127.0.0.1:{}", process.port);
        // Before the checks begin, which nothing could pass yet.
        let credentials = user(&url, "owner");
        let everything = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        let policy = format!("PolicyName=all&PolicyDocument={}", encoded(everything));
        drop(manage(&url, &format!("Action=PutUserPolicy&UserName=owner&{policy}")));
        let without_rights = user(&url, "guest");
        let checked = send(
            &url,
            "POST",
            "/moto-api/reset-auth",
            &["content-type: text/plain"],
            b"0",
            TIMEOUT,
        );
        let checked = checked.expect("an answer");
        assert_eq!(checked.status, 200, "{}", checked.text);
        Self { process, credentials, without_rights }
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.process.port)
    }

    /// The usual variables with its endpoint and a key that may do everything.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        variables(self.endpoint(), &self.credentials)
    }

    /// The same with a key that is known and may do nothing.
    #[must_use]
    pub fn environment_without_rights(&self) -> Vec<(&'static str, String)> {
        variables(self.endpoint(), &self.without_rights)
    }

    /// The same with a secret that does not belong to the key.
    #[must_use]
    pub fn environment_with_wrong_secret(&self) -> Vec<(&'static str, String)> {
        let Credentials { id, .. } = self.credentials.clone();
        variables(self.endpoint(), &Credentials { id, secret: random::hex() })
    }

    pub(super) fn environment_of(&self, endpoint: String) -> Vec<(&'static str, String)> {
        variables(endpoint, &self.credentials)
    }

    /// Makes an empty bucket and returns its name.
    ///
    /// # Panics
    /// With what the server says.
    #[must_use]
    pub fn create_bucket(&self) -> String {
        let name = format!("test-{}", random::hex());
        drop(self.ask("PUT", &format!("/{name}"), ""));
        name
    }

    /// Removes a bucket with all that is in it.
    ///
    /// # Panics
    /// With what the server says.
    pub fn remove_bucket(&self, bucket: &str) {
        for object in self.objects(bucket) {
            drop(self.ask("DELETE", &format!("/{bucket}/{}", object.key), ""));
        }
        drop(self.ask("DELETE", &format!("/{bucket}"), ""));
    }

    /// All objects of a bucket, in the order of their keys.
    ///
    /// # Panics
    /// With what the server says.
    #[must_use]
    pub fn objects(&self, bucket: &str) -> Vec<Object> {
        let reply = self.ask("GET", &format!("/{bucket}"), "list-type=2");
        assert!(reply.contains("<IsTruncated>false<"), "more than one page: {reply}");
        let object = |text: &str| Object {
            key: element(text, "Key").to_owned(),
            bytes: element(text, "Size").parse().expect("a number"),
        };
        reply.split("<Contents>").skip(1).map(object).collect()
    }

    /// Keys of uploads in parts that were begun and neither completed nor given up.
    ///
    /// # Panics
    /// With what the server says.
    #[must_use]
    pub fn unfinished(&self, bucket: &str) -> Vec<String> {
        let reply = self.ask("GET", &format!("/{bucket}"), "uploads=");
        let uploads = reply.split("<Upload>").skip(1);
        uploads.map(|text| element(text, "Key").to_owned()).collect()
    }

    /// The end of its log: a line for each request.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    fn ask(&self, method: &str, path: &str, query: &str) -> String {
        let reply = self.exchange(&self.credentials, method, path, query);
        let reply = reply.unwrap_or_else(|error| panic!("{error}: {}", self.log()));
        assert!(matches!(reply.status, 200 | 204), "{method} {path}: {}", reply.text);
        reply.text
    }

    fn exchange(
        &self,
        credentials: &Credentials,
        method: &str,
        path: &str,
        query: &str,
    ) -> io::Result<Reply> {
        let headers = credentials.sign(method, &self.address(), path, query);
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        send(&self.endpoint(), method, &path, &headers, b"", TIMEOUT)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Not by a macro: what it prints belongs to whichever test runs on this thread.
            writeln!(io::stderr(), "--- log of the S3 server\n{}", self.log()).ok();
        }
    }
}

fn variables(endpoint: String, credentials: &Credentials) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", credentials.id.clone()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret.clone()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ENDPOINT_URL", endpoint),
    ]
}

/// A new user, with a key.
fn user(url: &str, name: &str) -> Credentials {
    drop(manage(url, &format!("Action=CreateUser&UserName={name}")));
    let made = manage(url, &format!("Action=CreateAccessKey&UserName={name}"));
    Credentials {
        id: element(&made, "AccessKeyId").to_owned(),
        secret: element(&made, "SecretAccessKey").to_owned(),
    }
}

/// Asks the service of users and keys.
fn manage(url: &str, form: &str) -> String {
    // The scope says which service is meant; signatures are not checked yet.
    let scope = format!(
        "authorization: AWS4-HMAC-SHA256 Credential=x/20260101/{REGION}/iam/aws4_request, SignedHeaders=host, Signature=0"
    );
    let headers = [&scope, "content-type: application/x-www-form-urlencoded"];
    let body = format!("{form}&Version=2010-05-08");
    let reply = send(url, "POST", "/", &headers, body.as_bytes(), TIMEOUT).expect("an answer");
    assert_eq!(reply.status, 200, "{form}: {}", reply.text);
    reply.text
}

/// The text of the first element of a name.
fn element<'a>(text: &'a str, name: &str) -> &'a str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let found = text.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
    found.map(|(value, _)| value).unwrap_or_else(|| panic!("no <{name}> in {text}"))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_made_and_only_the_owner_sees_what_is_in_them() {
        let server = shared();
        let (bucket, other) = (server.create_bucket(), server.create_bucket());
        let put = server.exchange(&server.credentials, "PUT", &format!("/{bucket}/ab/empty"), "");
        assert_eq!(put.expect("an answer").status, 200);
        assert_eq!(server.objects(&bucket), [Object { key: "ab/empty".into(), bytes: 0 }]);
        assert!(server.objects(&other).is_empty() && server.unfinished(&bucket).is_empty());

        let wrong = Credentials { secret: "other".into(), ..server.credentials.clone() };
        let unknown = Credentials { id: "AKIANOBODY".into(), ..server.credentials.clone() };
        for (who, said) in [
            (&wrong, "SignatureDoesNotMatch"),
            (&unknown, "InvalidAccessKeyId"),
            (&server.without_rights, "AccessDenied"),
        ] {
            for (method, path) in [("GET", "ab/empty"), ("PUT", "ab/more"), ("DELETE", "ab/empty")]
            {
                let refused = server.exchange(who, method, &format!("/{bucket}/{path}"), "");
                let refused = refused.expect("an answer");
                assert_eq!(refused.status, 403, "{method}: {}", refused.text);
                assert!(refused.text.contains(said), "{method}: {}", refused.text);
            }
        }
        assert_eq!(server.objects(&bucket).len(), 1);
        server.remove_bucket(&bucket);
        let gone = server.exchange(&server.credentials, "GET", &format!("/{bucket}"), "");
        assert_eq!(gone.expect("an answer").status, 404);
    }

    #[test]
    fn one_that_is_dropped_is_gone() {
        let server = Server::start();
        let endpoint = server.endpoint();
        drop(server);
        assert!(send(&endpoint, "GET", "/", &[], b"", TIMEOUT).is_err());
    }
}
