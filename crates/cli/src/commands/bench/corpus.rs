//! Text that compresses and is searched like prose: made-up words at the frequencies of real ones.

use tidegate_analysis::statistics::SplitMix64;

/// Different words; a long book has about as many.
const WORDS: usize = 20_000;
/// Bytes of text that all rows take their passages from.
const POOL_BYTES: usize = 16 << 20;

const ONSETS: [&str; 20] = [
    "b", "br", "c", "ch", "d", "f", "g", "h", "k", "l", "m", "n", "p", "pr", "r", "s", "st", "t",
    "tr", "v",
];
const VOWELS: [&str; 8] = ["a", "e", "i", "o", "u", "ai", "ea", "ou"];
const CODAS: [&str; 10] = ["", "", "n", "r", "s", "t", "l", "nd", "ck", "m"];

/// A pool of text and the places where its words begin.
#[derive(Debug)]
pub(super) struct Corpus {
    text: String,
    starts: Vec<u32>,
}

impl Corpus {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = SplitMix64::new(seed);
        let words: Vec<String> = (0..WORDS).map(|rank| word(&mut rng, rank)).collect();
        // Zipf's law: a word of rank r is seen in proportion to 1/r.
        let mut sums = Vec::with_capacity(WORDS);
        let mut sum = 0.0;
        for rank in 1..=WORDS {
            sum += 1.0 / rank as f64;
            sums.push(sum);
        }
        let (mut text, mut starts) = (String::with_capacity(POOL_BYTES + 64), Vec::new());
        while text.len() < POOL_BYTES {
            starts.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
            let at = rng.below(1 << 53) as f64 / (1_u64 << 53) as f64 * sum;
            let rank = sums.partition_point(|&below| below <= at).min(WORDS - 1);
            text.push_str(&words[rank]);
            text.push_str(if rng.below(12) == 0 { ". " } else { " " });
        }
        Self { text, starts }
    }

    /// A passage of exactly `bytes` bytes, ASCII without anything that JSON escapes.
    pub(super) fn passage(&self, rng: &mut SplitMix64, bytes: usize) -> &str {
        let bytes = bytes.min(POOL_BYTES / 2);
        let last = self.starts.partition_point(|&start| start as usize + bytes <= self.text.len());
        let start = self.starts[rng.below(last.max(1))] as usize;
        &self.text[start..start + bytes]
    }
}

/// Frequent words are short.
fn word(rng: &mut SplitMix64, rank: usize) -> String {
    let syllables = 1 + rng.below(match rank {
        0..100 => 1,
        100..2_000 => 3,
        _ => 4,
    });
    let mut word = String::new();
    for _ in 0..syllables {
        for part in [&ONSETS[..], &VOWELS[..], &CODAS[..]] {
            word.push_str(part[rng.below(part.len())]);
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_have_their_length_and_differ() {
        let corpus = Corpus::new(1);
        let mut rng = SplitMix64::new(2);
        let (one, two) = (corpus.passage(&mut rng, 700), corpus.passage(&mut rng, 700));
        assert_eq!((one.len(), two.len()), (700, 700));
        assert_ne!(one, two);
        assert!(one.is_ascii() && !one.contains(['"', '\\', '\n']));
        assert_eq!(corpus.passage(&mut rng, 0), "");
    }

    #[test]
    fn the_text_compresses_like_prose() {
        let corpus = Corpus::new(1);
        let sample = &corpus.text.as_bytes()[..1 << 20];
        let packed = zstd::bulk::compress(sample, 3).expect("compressed");
        let ratio = sample.len() as f64 / packed.len() as f64;
        // English prose of this length: about 2.7 at this level.
        assert!((2.0..4.0).contains(&ratio), "{ratio}");
    }
}
