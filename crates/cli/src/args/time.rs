//! Lengths of time as they are typed.

use std::time::Duration;

use tidegate_server::Latency;

/// Longest part of a latency.
const LONGEST_LATENCY: Duration = Duration::from_secs(60);

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

/// Reads `250ms+4ms/row`, `4ms/row` or `250ms`.
pub(crate) fn latency(text: &str) -> Result<Latency, String> {
    let (mut fixed, mut per_row) = (None, None);
    for part in text.split('+') {
        let (time, place) = match part.trim().strip_suffix("/row") {
            Some(time) => (time, &mut per_row),
            None => (part, &mut fixed),
        };
        let time = duration(time.trim()).map_err(|_| {
            format!(
                "{:?} is no part of a latency: write it like 250ms+4ms/row, or 250ms",
                part.trim()
            )
        })?;
        if time > LONGEST_LATENCY {
            return Err(format!("{:?} is longer than a minute", part.trim()));
        }
        if place.replace(time).is_some() {
            return Err("a latency has one time for the request and one for each row".into());
        }
    }
    Ok(Latency::new(fixed.unwrap_or_default(), per_row.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_of_the_request_and_of_its_rows() {
        let ms = Duration::from_millis;
        for (text, fixed, per_row) in [
            ("250ms+4ms/row", ms(250), ms(4)),
            ("4ms/row+250ms", ms(250), ms(4)),
            (" 1s + 0.5ms/row ", ms(1_000), Duration::from_micros(500)),
            ("250ms", ms(250), ms(0)),
            ("4ms/row", ms(0), ms(4)),
            ("60s+1m/row", ms(60_000), ms(60_000)),
        ] {
            assert_eq!(latency(text), Ok(Latency::new(fixed, per_row)), "{text}");
        }
        for (bad, said) in [
            ("", "no part of a latency"),
            ("250", "\"250\" is no part"),
            ("250ms+", "\"\" is no part"),
            ("250ms+4/row", "\"4/row\" is no part"),
            ("250ms+4ms/rows", "\"4ms/rows\" is no part"),
            ("-1ms", "\"-1ms\" is no part"),
            ("1ms+2ms", "one time for the request"),
            ("61s", "longer than a minute"),
        ] {
            let error = latency(bad).expect_err(bad);
            assert!(error.contains(said), "{bad}: {error}");
        }
    }

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
