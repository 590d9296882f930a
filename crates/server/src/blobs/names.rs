//! Names of uploads' bytes: their SHA-256 in hexadecimal digits, and in a bucket a time as well.
//!
//! Collectors that share a bucket do not see each other's uploads, and no request to one takes an
//! object away only if nobody has put it there again meanwhile. So a name in a bucket says until
//! when uploads of the same bytes may still be put under it, `HASH-UNIX_SECONDS`, which is the end
//! of a day. Until then, and for a while after, nothing of that name is removed; and when it is,
//! nobody can be putting it there. A name without a time is given to nothing that is new: it is a
//! file's that was copied from a directory, or an overflow's, which has its name for itself.

use std::io;

use super::GROUP_LENGTH;

/// Length of a SHA-256 in hexadecimal digits.
const HASH_LENGTH: usize = 64;
/// Digits of a time that make sense.
const MAX_DIGITS: usize = 12;

/// The name, in a bucket, of bytes that are uploaded now: for all that come in the same period,
/// which is so many seconds long.
#[cfg(feature = "s3")]
pub(super) fn until(hash: &str, now: i64, period: i64) -> String {
    let end = (now.div_euclid(period) + 1) * period;
    format!("{hash}-{end}")
}

/// Whether nobody can be putting anything under a name any more, so many seconds after its time.
#[cfg(feature = "s3")]
pub(super) fn is_over(name: &str, now: i64, margin: i64) -> bool {
    match name.split_once('-').map(|(_, end)| end.parse::<i64>()) {
        None => true,
        Some(Ok(end)) => now > end.saturating_add(margin),
        Some(Err(_)) => false,
    }
}

/// The digits that a name is found under.
///
/// # Errors
/// What is no name, so that none leads elsewhere.
pub(super) fn group(name: &str) -> io::Result<&str> {
    let (hash, end) = name.split_once('-').map_or((name, None), |(hash, end)| (hash, Some(end)));
    let is_hash = hash.len() == HASH_LENGTH && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_time = end.is_none_or(|end| {
        (1..=MAX_DIGITS).contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_digit())
    });
    if is_hash && is_time {
        Ok(&name[..GROUP_LENGTH])
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a blob"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_lead_elsewhere() {
        let hash = "ab".repeat(32);
        assert_eq!(group(&hash).expect("a name"), "ab");
        assert_eq!(group(&format!("{hash}-1796083200")).expect("a name"), "ab");
        let dots = "../".repeat(21) + "x";
        for bad in
            ["", "../tidegate.db", "ab", "é", &dots, &format!("{hash}-"), &format!("{hash}-1/2")]
        {
            assert!(group(bad).is_err(), "{bad}");
        }
        assert!(group(&format!("{hash}-1234567890123")).is_err());
    }

    #[cfg(feature = "s3")]
    #[test]
    fn a_name_is_for_a_day_and_goes_after_it() {
        let (hash, day) = ("ab".repeat(32), 86_400);
        let name = until(&hash, 3 * day + 5, day);
        assert_eq!(name, format!("{hash}-{}", 4 * day));
        assert_eq!(until(&hash, 4 * day - 1, day), name);
        assert_ne!(until(&hash, 4 * day, day), name, "the next day has begun");
        for (now, over) in [(4 * day, false), (4 * day + 60, false), (4 * day + 61, true)] {
            assert_eq!(is_over(&name, now, 60), over, "{now}");
        }
        assert!(is_over(&hash, 0, 60), "nothing new gets such a name");
        assert!(!is_over(&format!("{hash}-x"), i64::MAX, 0));
    }
}
