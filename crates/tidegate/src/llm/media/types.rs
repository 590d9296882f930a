//! Types of media, and how their files are called.

/// What is said of bytes whose type nobody says.
const UNKNOWN: &str = "application/octet-stream";
const MOST_CHARS: usize = 127;
/// Endings that are not the second half of the type.
const ENDINGS: [(&str, &str); 7] = [
    ("image/jpeg", "jpg"),
    ("audio/mpeg", "mp3"),
    ("audio/l16", "pcm"),
    ("text/plain", "txt"),
    ("text/markdown", "md"),
    ("video/quicktime", "mov"),
    (UNKNOWN, "bin"),
];

/// The type as it is said, if it can be one.
pub(super) fn checked(kind: &str) -> &str {
    let is_type = kind.len() <= MOST_CHARS
        && kind.contains('/')
        && kind.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if is_type { kind } else { UNKNOWN }
}

/// The type of a sound that OpenAI names by its format.
pub(super) fn audio(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        other => format!("audio/{other}"),
    }
}

/// The name of a file of a type, where none is given.
pub(super) fn filename(kind: &str) -> String {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = ENDINGS.iter().find(|(known, _)| *known == kind).map(|(_, ending)| *ending);
    let ending = known.unwrap_or_else(|| {
        let second = kind.split_once('/').map_or("", |(_, second)| second);
        let second = second.split('+').next().unwrap_or_default();
        let second = second.strip_prefix("x-").unwrap_or(second);
        let is_ending = (1..=8).contains(&second.len())
            && second.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_ending { second } else { "bin" }
    });
    format!("attachment.{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_types() {
        for (kind, name) in [
            ("image/png", "attachment.png"),
            ("image/jpeg", "attachment.jpg"),
            ("image/svg+xml", "attachment.svg"),
            ("application/pdf", "attachment.pdf"),
            ("audio/x-wav", "attachment.wav"),
            ("Audio/L16;codec=pcm;rate=24000", "attachment.pcm"),
            ("video/mp4", "attachment.mp4"),
            ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "attachment.bin"),
            ("image/../../x", "attachment.bin"),
            ("image/", "attachment.bin"),
            ("", "attachment.bin"),
        ] {
            assert_eq!(filename(kind), name, "{kind}");
        }
        assert_eq!(
            (checked("image/png"), checked("png"), checked("a/\n")),
            ("image/png", UNKNOWN, UNKNOWN)
        );
        assert_eq!((audio("mp3"), audio("wav")), ("audio/mpeg".into(), "audio/wav".into()));
    }
}
