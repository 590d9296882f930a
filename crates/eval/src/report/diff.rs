//! A short line diff of two texts.

/// Lines compared at most, after equal ones at both ends are gone: the time is their product.
const COMPARED_LINES: usize = 200;
/// Lines shown at most.
const SHOWN_LINES: usize = 16;
/// Characters of a line shown at most.
const LINE_CHARS: usize = 160;

/// What differs, as lines that begin with `-` (only before), `+` (only now) or a blank (one line of
/// context on either side of a change); `…` stands for what is left out. Empty for equal texts.
pub(crate) fn lines(before: &str, now: &str) -> Vec<String> {
    if before == now {
        return Vec::new();
    }
    let (old, new): (Vec<_>, Vec<_>) = (before.lines().collect(), now.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    if head == old.len() && head == new.len() {
        return vec!["… line ends differ".to_owned()];
    }
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = tail.take_while(|(a, b)| a == b).count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    let mut shown = Vec::new();
    if let Some(line) = head.checked_sub(1).and_then(|last| old.get(last)) {
        if head > 1 {
            shown.push("…".to_owned());
        }
        shown.push(marked(' ', line, 0));
    }
    shown.extend(changes(&old[head..old_end], &new[head..new_end]));
    if let Some(line) = old.get(old_end) {
        shown.push(marked(' ', line, 0));
        if tail > 1 {
            shown.push("…".to_owned());
        }
    }
    if shown.len() > SHOWN_LINES {
        let more = shown.len() - SHOWN_LINES + 1;
        shown.truncate(SHOWN_LINES - 1);
        shown.push(format!("… {more} more lines"));
    }
    shown
}

fn changes(old: &[&str], new: &[&str]) -> Vec<String> {
    // A single line that changed is shown from where it changed.
    if let ([old], [new]) = (old, new) {
        let same = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).count();
        return vec![marked('-', old, same), marked('+', new, same)];
    }
    if old.len() > COMPARED_LINES || new.len() > COMPARED_LINES {
        let old = old.iter().map(|line| marked('-', line, 0)).take(SHOWN_LINES / 2);
        let new = new.iter().map(|line| marked('+', line, 0)).take(SHOWN_LINES / 2);
        return old.chain(std::iter::once("…".to_owned())).chain(new).collect();
    }
    // The longest common subsequence of what follows each pair of places.
    let width = new.len() + 1;
    let mut common = vec![0_u16; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = if old[i] == new[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut shown) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            shown.push(marked(' ', old[i], 0));
            (i, j) = (i + 1, j + 1);
        } else if j >= new.len()
            || (i < old.len() && common[(i + 1) * width + j] >= common[i * width + j + 1])
        {
            shown.push(marked('-', old[i], 0));
            i += 1;
        } else {
            shown.push(marked('+', new[j], 0));
            j += 1;
        }
    }
    shown
}

/// A line with its mark, cut to a window that begins shortly before `change`.
fn marked(mark: char, line: &str, change: usize) -> String {
    let length = line.chars().count();
    let start = if length <= LINE_CHARS { 0 } else { change.saturating_sub(LINE_CHARS / 4) };
    let window: String = line.chars().skip(start).take(LINE_CHARS).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if start + LINE_CHARS < length { "…" } else { "" };
    format!("{mark} {before}{window}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_lines_have_one_line_of_context_on_either_side() {
        let before = "a\nb\nc\nd\ne\nf";
        assert_eq!(lines(before, "a\nb\nc\nX\ne\nf"), ["…", "  c", "- d", "+ X", "  e", "…"]);
        assert_eq!(lines(before, "a\nb\nd\ne\nf"), ["…", "  b", "- c", "  d", "…"]);
        assert_eq!(lines("a\nb\nc", "x\nb\ny"), ["- a", "+ x", "  b", "- c", "+ y"]);
        assert_eq!(lines("", "x"), ["+ x"]);
        assert!(lines(before, before).is_empty());
        assert_eq!(lines("a\n", "a"), ["… line ends differ"]);
    }

    #[test]
    fn long_texts_and_long_lines_stay_short() {
        let old = format!("{}old{}", "a".repeat(1_000), "b".repeat(1_000));
        let new = format!("{}new{}", "a".repeat(1_000), "b".repeat(1_000));
        let diff = lines(&old, &new);
        assert!(diff[0].contains("aaold") && diff[1].contains("aanew"), "{diff:?}");
        assert!(diff.iter().all(|line| line.chars().count() <= LINE_CHARS + 4), "{diff:?}");
        let many = |word: &str| {
            let lines: Vec<_> = (0..5_000).map(|line| format!("{word} {line}")).collect();
            lines.join("\n")
        };
        let diff = lines(&many("old"), &many("new"));
        assert!(diff.len() <= SHOWN_LINES, "{}", diff.len());
        assert!(diff.iter().any(|line| line.starts_with('-')), "{diff:?}");
        let diff = lines(&many("old"), "");
        assert!(diff.len() <= SHOWN_LINES, "{diff:?}");
    }
}
