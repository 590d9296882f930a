//! Lengths of time as they are typed.

use std::time::Duration;

/// Reads `250ms`, `0.2ms`, `3s`, `20us`, `5m`, `12h` or `30d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: write it like 250ms, 3s, 5m, 12h or 30d");
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let number: f64 = text[..split].trim().parse().map_err(|_| wrong())?;
    let unit = match &text[split..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * unit).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_required_and_known() {
        for (text, expected) in [
            ("250ms", Duration::from_millis(250)),
            ("0s", Duration::ZERO),
            ("1.5m", Duration::from_secs(90)),
            ("30d", Duration::from_secs(30 * 86_400)),
        ] {
            assert_eq!(duration(text).as_ref(), Ok(&expected), "{text}");
        }
        for bad in ["", "3", "d", "-1s", "3w", "nans", "infd", "1e300d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
