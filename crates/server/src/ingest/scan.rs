//! A JSON scanner that builds nothing: it checks and finds where things end.
//!
//! It is stricter than JSON: what it takes, `serde_json` takes as well (tested with random texts),
//! but it gives up where that would be tedious to decide here, and where a text needs repair. Who
//! uses it then takes the slow way, which decides and words the error.

/// Objects and arrays within each other, as many as `serde_json` reads back.
const DEPTH: u32 = 127;

/// Numbers of more digits or a higher exponent may be too large for a double.
const SAFE_DIGITS: usize = 200;
/// See [`SAFE_DIGITS`].
const SAFE_EXPONENT: u32 = 99;

/// A place in a text.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The offset in the text.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The text from an offset to here.
    pub(super) fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips white space and returns the byte after it.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                other => return Some(other),
            }
        }
    }

    /// Skips white space and takes a byte, if it is the given one.
    pub(super) fn take(&mut self, wanted: u8) -> Option<()> {
        self.take_if(wanted).then_some(())
    }

    /// See [`Scanner::take`].
    pub(super) fn take_if(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// Whether only white space follows.
    pub(super) fn at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Takes a key and the colon after it; returns the key as it is written and whether it has
    /// escapes.
    pub(super) fn key(&mut self) -> Option<(&'a str, bool)> {
        self.take(b'"')?;
        let start = self.at;
        let escaped = self.string()?;
        let key = &self.text[start..self.at - 1];
        self.take(b':')?;
        Some((key, escaped))
    }

    /// Takes a value that lies in `depth` objects and arrays, and returns its text.
    pub(super) fn value(&mut self, depth: u32) -> Option<&'a str> {
        let first = self.peek()?;
        let start = self.at;
        self.at += 1;
        match first {
            b'"' => drop(self.string()?),
            b'{' if depth < DEPTH => self.object(depth + 1)?,
            b'[' if depth < DEPTH => self.array(depth + 1)?,
            b't' => self.literal("rue")?,
            b'f' => self.literal("alse")?,
            b'n' => self.literal("ull")?,
            b'-' => {
                let digit = self.byte()?;
                self.at += 1;
                self.number(digit)?;
            }
            digit => self.number(digit)?,
        }
        Some(&self.text[start..self.at])
    }

    fn literal(&mut self, rest: &str) -> Option<()> {
        let found = self.text.as_bytes()[self.at..].starts_with(rest.as_bytes());
        self.at += rest.len();
        found.then_some(())
    }

    fn object(&mut self, depth: u32) -> Option<()> {
        if self.take_if(b'}') {
            return Some(());
        }
        loop {
            self.take(b'"')?;
            self.string()?;
            self.take(b':')?;
            self.value(depth)?;
            if !self.take_if(b',') {
                return self.take(b'}');
            }
        }
    }

    fn array(&mut self, depth: u32) -> Option<()> {
        if self.take_if(b']') {
            return Some(());
        }
        loop {
            self.value(depth)?;
            if !self.take_if(b',') {
                return self.take(b']');
            }
        }
    }

    /// Goes on after the quote to behind the next; returns whether there are escapes.
    fn string(&mut self) -> Option<bool> {
        let mut escaped = false;
        loop {
            self.at += plain_length(&self.text.as_bytes()[self.at..]);
            let special = self.byte()?;
            self.at += 1;
            match special {
                b'"' => return Some(escaped),
                b'\\' => self.escape()?,
                // A control character, which a string must not hold.
                _ => return None,
            }
            escaped = true;
        }
    }

    fn escape(&mut self) -> Option<()> {
        let kind = self.byte()?;
        self.at += 1;
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => match self.unit()? {
                0xD800..=0xDBFF => {
                    let pair = self.text.as_bytes().get(self.at..self.at + 2)? == b"\\u";
                    self.at += 2;
                    // Halves of pairs are repaired the slow way.
                    (pair && matches!(self.unit()?, 0xDC00..=0xDFFF)).then_some(())
                }
                0xDC00..=0xDFFF => None,
                _ => Some(()),
            },
            _ => None,
        }
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
    }

    /// Goes on after the first digit.
    fn number(&mut self, first: u8) -> Option<()> {
        let start = self.at;
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        let digits = self.at - start;
        let mut exponent = 0;
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            let start = self.at;
            self.some_digits()?;
            exponent = self.text[start..self.at].parse().unwrap_or(u32::MAX);
        }
        (digits <= SAFE_DIGITS && exponent <= SAFE_EXPONENT).then_some(())
    }

    fn digits(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Option<()> {
        let start = self.at;
        self.digits();
        (self.at > start).then_some(())
    }
}

/// Counts the bytes before the next quote, backslash or control character; eight at a time, as
/// most bytes of a row are in strings.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // A byte is zero where its high bit is set here, or a byte before it is; the first is exact.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let Ok(chunk) = chunk.try_into() else { break };
        let word = u64::from_le_bytes(chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let special = control
            | zeros(word ^ (ONES * u64::from(b'"')))
            | zeros(word ^ (ONES * u64::from(b'\\')));
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes[at..].iter();
    at + rest.take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\').count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &str) -> bool {
        let mut scanner = Scanner::new(text);
        scanner.value(0).is_some() && scanner.at_end()
    }

    #[test]
    fn ordinary_json_is_taken() {
        let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
        for good in [
            "null",
            " true\n",
            "false",
            "0",
            "-0.5e-3",
            "12E+7",
            "\"\"",
            "[]",
            "{}",
            &deep,
            r#"{"a":[1,2.5,"x",{"":null}],"ü":"\ud83d\ude00\\\"\u00e4\n0123456789abcdef"}"#,
            r#"[ "01234567" , "0123456\n" , "😀😀😀" ]"#,
        ] {
            assert!(whole(good), "{good}");
            assert!(serde_json::from_str::<serde_json::Value>(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_needs_care_is_left_to_others() {
        let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
        for other in [
            "",
            "nul",
            "01",
            "-",
            "1.",
            "1e",
            "+1",
            ".5",
            "1e999",
            "[1,]",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "[1 2]",
            "\"\\ud83d\"",
            "\"\\ude00\"",
            "\"\\ud83d\\n\"",
            "\"\\x\"",
            "\"a\nb\"",
            "\"0123456789\u{1}\"",
            "\"open",
            "{",
            "[",
            "1 2",
            &deep,
            &"9".repeat(400),
        ] {
            assert!(!whole(other), "{other}");
        }
    }

    #[test]
    fn special_bytes_are_found_at_every_offset() {
        for special in ['"', '\\', '\u{0}', '\u{1f}'] {
            for before in ["a", "ä", "\u{7f}", "!", "]"] {
                for count in 0..20 {
                    let text =
                        format!("{}{special}{}", before.repeat(count), "\"\u{2}a\\".repeat(5));
                    assert_eq!(plain_length(text.as_bytes()), before.len() * count, "{text:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_is_taken_that_serde_json_refuses(
            text in r#"[\[\]{}:,"\\a0-9eE.+\- udDtrfalsn\n\u{1}ü]{0,24}"#,
        ) {
            if whole(&text) {
                let read = serde_json::from_str::<serde_json::Value>(&text);
                prop_assert!(read.is_ok(), "{text:?}: {read:?}");
            }
        }
    }
}
