//! Repairing strings that hold half of a UTF-16 surrogate pair.

/// Replaces every escaped surrogate without its partner by U+FFFD; `None` if there is none.
pub(crate) fn repair(json: &str) -> Option<String> {
    // Nearly every row ends here, after a search at memory speed.
    if !json.contains("\\ud") && !json.contains("\\uD") {
        return None;
    }
    let bytes = json.as_bytes();
    let mut repaired = String::with_capacity(json.len());
    let (mut kept, mut at) = (0, 0);
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        match unit(bytes, at) {
            Some(0xD800..=0xDBFF) if matches!(unit(bytes, at + 6), Some(0xDC00..=0xDFFF)) => {
                at += 12;
            }
            Some(0xD800..=0xDFFF) => {
                repaired.push_str(&json[kept..at]);
                repaired.push_str("\\ufffd");
                at += 6;
                kept = at;
            }
            // Also steps over an escaped backslash, so that its second half starts no escape.
            _ => at += 2,
        }
    }
    (kept > 0).then(|| {
        repaired.push_str(&json[kept..]);
        repaired
    })
}

/// Reads the code unit of a `\uXXXX` escape.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    let hex = escape.strip_prefix(b"\\u")?;
    hex.iter().try_fold(0, |unit, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unpaired_surrogates_change() {
        for (given, expected) in [
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d""#, None),
            (r#""\u00e4""#, None),
            (r#""a\ud83d""#, Some(r#""a\ufffd""#)),
            (r#""\uDE00b""#, Some(r#""\ufffdb""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\\\ud83dä""#, Some(r#""\\\ufffdä""#)),
            (r#""\ud8"#, None),
        ] {
            assert_eq!(repair(given).as_deref(), expected, "{given}");
        }
    }
}
