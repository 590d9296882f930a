//! Tests that documents name, as `crates/x/src/y.rs::name`, exist: a table of what is tested is
//! worth nothing once its tests have gone.

/// Checks one document; `read` gives the text of a file of the repository.
pub(super) fn check(path: &str, text: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    if !path.ends_with(".md") {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        // Every second part lies between backticks.
        for (file, name) in line.split('`').skip(1).step_by(2).filter_map(named) {
            match read(file) {
                None => problems.push(format!("{path}:{number}: there is no file {file}")),
                Some(source) if has_test(&source, name) => {}
                Some(_) => problems.push(format!("{path}:{number}: {file} has no test {name}")),
            }
        }
    }
    problems
}

fn named(code: &str) -> Option<(&str, &str)> {
    let (file, name) = code.split_once("::")?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (file.contains('/') && file.ends_with(".rs") && is_name).then_some((file, name))
}

/// Whether a function of that name stands below a test attribute, among other ones maybe.
fn has_test(source: &str, name: &str) -> bool {
    let mut is_test = false;
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            continue;
        }
        let function = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "));
        let found = function.and_then(|rest| rest.strip_prefix(name));
        if is_test && found.is_some_and(|rest| rest.starts_with('(')) {
            return true;
        }
        is_test &= line.starts_with("//");
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
        #[test]\nfn plain() {}\n\
        #[tokio::test(start_paused = true)]\n#[expect(x, reason = \"y\")]\n// why\nasync fn paused() {}\n\
        fn helper() {}\n";

    fn problems(line: &str) -> Vec<String> {
        check("docs/a.md", line, |file| (file == "crates/a/src/b.rs").then(|| SOURCE.to_owned()))
    }

    #[test]
    fn tests_that_exist_are_no_problem() {
        let line = "| x | `crates/a/src/b.rs::plain`, `crates/a/src/b.rs::paused` |";
        assert!(problems(line).is_empty());
        assert!(
            problems("`Config::default()`, `merge.rs::x`, plain crates/a/src/b.rs::y").is_empty()
        );
        assert!(check("src/lib.rs", "`crates/a/src/c.rs::x`", |_| None).is_empty());
    }

    #[test]
    fn a_missing_file_or_test_is_found() {
        let gone = problems("a line\n| x | `crates/a/src/c.rs::plain` |");
        assert_eq!(gone, ["docs/a.md:2: there is no file crates/a/src/c.rs"]);
        for name in ["plai", "plain_2", "helper"] {
            let found = problems(&format!("`code` and `crates/a/src/b.rs::{name}`"));
            assert_eq!(found, [format!("docs/a.md:1: crates/a/src/b.rs has no test {name}")]);
        }
    }
}
