//! Lengths of time, sizes and counts in words, with three significant digits.

const SECOND_US: f64 = 1e6;

/// A length of time: `850 µs`, `282 ms`, `14.6 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`.
pub(crate) fn duration(us: u64) -> String {
    let seconds = us as f64 / SECOND_US;
    match us {
        0 => "0 s".to_owned(),
        // Decided after rounding, so that no 1000 ms appear.
        _ if us < 1_000 => format!("{us} µs"),
        _ if seconds < 0.999_5 => format!("{} ms", digits(us as f64 / 1e3)),
        _ if seconds < 119.95 => format!("{} s", digits(seconds)),
        _ if seconds < 3_599.5 => pair(seconds.round() as u64, 60, "min", "s"),
        _ if seconds < 172_770.0 => pair((seconds / 60.0).round() as u64, 60, "h", "min"),
        _ => pair((seconds / 3_600.0).round() as u64, 24, "d", "h"),
    }
}

/// Two units; the smaller one is left out if there is none of it.
fn pair(count: u64, in_large: u64, large: &str, small: &str) -> String {
    let (many, rest) = (count / in_large, count % in_large);
    if rest == 0 { format!("{many} {large}") } else { format!("{many} {large} {rest} {small}") }
}

/// A size: `0 B`, `999 B`, `1.5 KiB`, `284 KiB`, `10.0 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut number = bytes as f64;
    let mut unit = 0;
    // As it will be rounded: 1000 KiB would need a digit more than 1.0 MiB.
    while number >= 999.5 && unit + 1 < UNITS.len() {
        number /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && number < 99.95);
    format!("{number:.decimals$} {}", UNITS[unit])
}

/// A count with its noun: `1 row`, `25 rows`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A share of a whole: `0 %`, `0.3 %`, `97 %`.
pub(crate) fn share(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if percent > 0.0 && percent < 9.95 || percent > 90.0 && percent < 99.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// Three significant digits, no decimals beyond them.
fn digits(number: f64) -> String {
    match number {
        _ if number < 9.995 => format!("{number:.2}"),
        _ if number < 99.95 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_unit_that_fits() {
        for (us, text) in [
            (0, "0 s"),
            (1, "1 µs"),
            (999, "999 µs"),
            (1_000, "1.00 ms"),
            (282_400, "282 ms"),
            (999_499, "999 ms"),
            (999_600, "1.00 s"),
            (14_630_000, "14.6 s"),
            (119_940_000, "120 s"),
            (125_000_000, "2 min 5 s"),
            (7_200_000_000, "2 h"),
            (12_000_000_000, "3 h 20 min"),
            (187_200_000_000, "2 d 4 h"),
        ] {
            assert_eq!(duration(us), text, "{us}");
        }
        assert!(duration(u64::MAX).ends_with(" h"));
    }

    #[test]
    fn sizes_have_the_unit_that_fits() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1000), "1.0 KiB");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(291_000), "284 KiB");
        assert_eq!(bytes((1 << 20) - 1), "1.0 MiB");
        assert_eq!(bytes(5 << 40), "5120 GiB");
    }

    #[test]
    fn shares_are_exact_where_it_matters() {
        let shown = [0.0, 0.003, 0.5, 0.971, 0.9999, 1.0].map(share);
        assert_eq!(shown, ["0 %", "0.3 %", "50 %", "97.1 %", "100 %", "100 %"]);
    }
}
