//! Rules for single files.

/// Aim for 400; beyond this a file must be split.
const MOST_LINES: usize = 600;
const CHECKED: [&str; 6] = [".rs", ".ts", ".tsx", ".py", ".mjs", ".sh"];
const EXEMPT: [&str; 6] =
    [".gen.ts", "generated/", "dist/", "snapshots/", "fixtures/", "node_modules/"];

/// What is wrong with a file.
pub(super) fn check(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let is_source = CHECKED.iter().any(|ending| path.ends_with(ending));
    let is_exempt = EXEMPT.iter().any(|part| path.contains(part));
    let lines = text.lines().count();
    if is_source && !is_exempt && lines > MOST_LINES {
        problems.push(format!("{path}: {lines} lines, at most {MOST_LINES}; split it"));
    }
    if path.ends_with(".lock") || path.ends_with(".jsonl") {
        return problems;
    }
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        if let Some(found) = machine_path(line) {
            problems.push(format!("{path}:{number}: the path {found} is of one machine"));
        }
        if path.ends_with(".rs") && is_unsafe(line) {
            problems.push(format!(
                "{path}:{number}: unsafe code needs an entry in docs/adr and one in this rule"
            ));
        }
    }
    problems
}

/// Home and work directories, written so that this file does not name one itself.
fn machine_path(line: &str) -> Option<&'static str> {
    const PATHS: [&str; 4] = [
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
    ];
    PATHS.into_iter().find(|path| {
        line.match_indices(path).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || "_.-/}".contains(c))
        })
    })
}

fn is_unsafe(line: &str) -> bool {
    let line = line.trim_start();
    !line.starts_with("//") && line.contains(concat!("expect(", "unsafe_code"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_found_unless_they_are_generated() {
        let long = "x\n".repeat(MOST_LINES + 1);
        assert_eq!(check("crates/a/src/b.rs", &long).len(), 1);
        assert!(check("ui/src/api/types.gen.ts", &long).is_empty());
        assert!(check("README.md", &long).is_empty());
        assert!(check("crates/a/src/b.rs", &"x\n".repeat(MOST_LINES)).is_empty());
    }

    #[test]
    fn machine_paths_are_found() {
        let home = concat!("see /ro", "ot/.cargo");
        assert_eq!(check("docs/a.md", home).len(), 1);
        assert!(
            check("docs/a.md", concat!("https://host/wo", "rk/x and net", "wo", "rk/y")).is_empty()
        );
        assert!(check("Cargo.lock", home).is_empty());
    }

    #[test]
    fn unsafe_code_is_found() {
        let line = concat!("#[expect(", "unsafe_code, reason = \"fast\")]");
        assert_eq!(check("crates/a/src/b.rs", line).len(), 1);
    }
}
