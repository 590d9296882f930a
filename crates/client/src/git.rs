//! `repo_info` and ancestor commits, read with the `git` program as far as the organisation
//! allows. Everything is optional: no git, no repository or a slow disk means no information.

use std::process::Stdio;
use std::time::Duration;

use tidegate_model::wire::objects::RepoInfo;
use tidegate_model::wire::session::{GitMetadataCollect, GitMetadataSettings};
use tokio::process::Command;
use tokio::time::timeout;

/// All git commands together may take this long.
const DEADLINE: Duration = Duration::from_secs(5);
/// Ancestors that a server may choose a base from.
const MOST_ANCESTORS: &str = "1000";
/// A larger diff is cut: it documents a state, it need not restore it.
const MAX_DIFF_BYTES: usize = 65_536;

/// What the repository around the working directory says.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    pub(crate) info: Option<RepoInfo>,
    /// Commits from HEAD backwards.
    pub(crate) ancestors: Vec<String>,
}

impl Repository {
    pub(crate) async fn read(settings: Option<&GitMetadataSettings>) -> Self {
        let collect = settings.map_or(GitMetadataCollect::All, |settings| settings.collect);
        if collect == GitMetadataCollect::None {
            return Self::default();
        }
        let Ok(Some((mut info, ancestors))) = timeout(DEADLINE, read_all()).await else {
            return Self::default();
        };
        if collect == GitMetadataCollect::Some {
            let fields = settings.and_then(|s| s.fields.as_deref()).unwrap_or_default();
            retain(&mut info, fields);
        }
        Self { info: Some(info), ancestors }
    }
}

async fn read_all() -> Option<(RepoInfo, Vec<String>)> {
    let format = "--format=%H%n%an%n%ae%n%cI%n%B";
    let head = git(&["log", "-1", format]).await?;
    let mut lines = head.splitn(5, '\n');
    let mut next = || lines.next().map(|line| line.trim().to_owned()).filter(|l| !l.is_empty());
    let (commit, author_name, author_email, commit_time, commit_message) =
        (next(), next(), next(), next(), next());
    let branch = git(&["symbolic-ref", "--short", "-q", "HEAD"]).await;
    let tag = git(&["describe", "--tags", "--exact-match"]).await;
    let dirty = git(&["status", "--porcelain"]).await.map(|text| !text.is_empty());
    let git_diff = match dirty {
        Some(true) => git(&["diff", "HEAD"]).await.map(shorten),
        _ => None,
    };
    let ancestors = git(&["rev-list", "--max-count", MOST_ANCESTORS, "HEAD"]).await;
    let ancestors = ancestors.unwrap_or_default().lines().map(str::to_owned).collect();
    let info = RepoInfo {
        commit,
        branch: branch.filter(|text| !text.is_empty()),
        tag: tag.filter(|text| !text.is_empty()),
        dirty,
        author_name,
        author_email,
        commit_message,
        commit_time,
        git_diff: git_diff.filter(|text| !text.is_empty()),
    };
    Some((info, ancestors))
}

/// Runs git; `None` if it is not there or says no. A command that hangs is killed when the
/// deadline drops its future.
async fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn shorten(mut text: String) -> String {
    if text.len() > MAX_DIFF_BYTES {
        let mut end = MAX_DIFF_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

/// Keeps only the fields that the organisation lists.
fn retain(info: &mut RepoInfo, fields: &[String]) {
    let allowed = |name: &str| fields.iter().any(|field| field == name);
    let texts = [
        ("commit", &mut info.commit),
        ("branch", &mut info.branch),
        ("tag", &mut info.tag),
        ("author_name", &mut info.author_name),
        ("author_email", &mut info.author_email),
        ("commit_message", &mut info.commit_message),
        ("commit_time", &mut info.commit_time),
        ("git_diff", &mut info.git_diff),
    ];
    for (name, value) in texts {
        if !allowed(name) {
            *value = None;
        }
    }
    if !allowed("dirty") {
        info.dirty = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_read_when_the_organisation_says_none() {
        let settings = GitMetadataSettings { collect: GitMetadataCollect::None, fields: None };
        let repository = Repository::read(Some(&settings)).await;
        assert!(repository.info.is_none() && repository.ancestors.is_empty());
    }

    #[test]
    fn only_listed_fields_are_kept() {
        let text = || Some("x".to_owned());
        let mut info = RepoInfo {
            commit: text(),
            author_email: text(),
            git_diff: text(),
            dirty: Some(true),
            ..RepoInfo::default()
        };
        retain(&mut info, &["commit".to_owned()]);
        assert_eq!(info, RepoInfo { commit: text(), ..RepoInfo::default() });
    }

    #[test]
    fn long_diffs_are_cut_between_characters() {
        let cut = shorten("é".repeat(MAX_DIFF_BYTES));
        assert_eq!(cut.len(), MAX_DIFF_BYTES);
    }
}
