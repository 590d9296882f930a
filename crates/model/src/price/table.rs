//! Prices by model: those of the user, and those that come along.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer};

use super::Price;

/// Prices by model.
///
/// A model is looked up by its name as it stands, then without a date at its end: `gpt-4o` is also
/// the price of `gpt-4o-2024-08-06`, `claude-opus-4-1` that of `claude-opus-4-1-20250805` and
/// `claude-opus-4-1@20250805`. Nothing else is guessed: a name with a provider in front or another
/// ending has no price, and without a price there is no cost.
///
/// Prices that you set go before the bundled ones. From JSON they are read as an object by model.
///
/// ```
/// use tidegate_model::price::{Price, Prices};
///
/// let prices: Prices = serde_json::from_str(
///     r#"{"my-model": {"input_per_million": 1.0, "output_per_million": 4.0}}"#,
/// )?;
/// assert_eq!(prices.get("my-model").map(|price| price.output_per_million), Some(4.0));
/// assert!(prices.get("gpt-4o").is_none());
///
/// let prices = prices.or_bundled().price("gpt-4o", Price::new(2.0, 8.0));
/// assert_eq!(prices.get("gpt-4o-2024-08-06"), Some(&Price::new(2.0, 8.0)));
/// assert!(prices.get("claude-haiku-4-5").is_some());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prices {
    own: BTreeMap<String, Price>,
    or_bundled: bool,
}

impl Prices {
    /// Without any price.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// List prices of well-known models, as their publishers had them at [`Prices::bundled_date`],
    /// in US dollars: the standard tier, for text. Discounts, other tiers, audio, images and the
    /// fees of tools are not in them.
    #[must_use]
    pub fn bundled() -> Self {
        Self::new().or_bundled()
    }

    /// The day on which the bundled prices were last looked up, such as `2026-10-27`.
    #[must_use]
    pub fn bundled_date() -> &'static str {
        &BUNDLED.date
    }

    /// Falls back on the bundled prices for models that have none here.
    #[must_use]
    pub fn or_bundled(mut self) -> Self {
        self.or_bundled = true;
        self
    }

    /// Sets the price of a model.
    #[must_use]
    pub fn price(mut self, model: impl Into<String>, price: Price) -> Self {
        self.own.insert(model.into(), price);
        self
    }

    /// The price of a model, if there is one.
    #[must_use]
    pub fn get(&self, model: &str) -> Option<&Price> {
        let own = found(&self.own, model);
        own.or_else(|| self.or_bundled.then(|| found(&BUNDLED.models, model)).flatten())
    }

    /// Whether the price of a model is a bundled one.
    #[must_use]
    pub fn is_bundled(&self, model: &str) -> bool {
        found(&self.own, model).is_none() && self.get(model).is_some()
    }
}

impl<'de> Deserialize<'de> for Prices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { own: BTreeMap::deserialize(deserializer)?, or_bundled: false })
    }
}

#[derive(Debug, Default, Deserialize)]
struct Bundled {
    date: String,
    models: BTreeMap<String, Price>,
}

/// A test sees to it that the file can be read.
static BUNDLED: LazyLock<Bundled> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../data/prices.json")).unwrap_or_default()
});

fn found<'a>(models: &'a BTreeMap<String, Price>, model: &str) -> Option<&'a Price> {
    models.get(model).or_else(|| models.get(without_date(model)?))
}

/// A model's name without `-2024-08-06`, `-20240806` or `@20240806` at its end.
fn without_date(model: &str) -> Option<&str> {
    let ends_so = |date: &[u8], form: &[u8]| {
        let fits = |(byte, form): (&u8, &u8)| match form {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        };
        date.len() == form.len() && date.iter().zip(form).all(fits)
    };
    [&b"-2000-00-00"[..], b"-20000000", b"@20000000"].into_iter().find_map(|form| {
        let at = model.len().checked_sub(form.len())?;
        let date = &model.as_bytes()[at..];
        // The century stands for itself.
        (ends_so(&date[3..], &form[3..]) && date[..3] == form[..3]).then(|| model.get(..at))?
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bundled_prices_can_be_read_and_are_plausible() {
        let read = serde_json::from_str::<Bundled>(include_str!("../../data/prices.json"));
        let Bundled { date, models } = read.expect("a table");
        assert_eq!(Prices::bundled_date(), date);
        assert!(without_date(&format!("x-{date}")) == Some("x"), "{date}");
        assert!(models.len() > 100, "{}", models.len());
        for (model, price) in &models {
            let Price { input_per_million: input, output_per_million: output, .. } = *price;
            assert!(input > 0.0 && input <= 200.0, "{model}");
            assert!(output == 0.0 || output >= input && output <= 10.0 * input, "{model}");
            let cached = price.cached_input_per_million.unwrap_or(input);
            let write = price.cache_write_per_million.unwrap_or(input);
            let hour = price.cache_write_1h_per_million.unwrap_or(write);
            assert!(cached > 0.0 && cached <= input && input <= write && write <= hour, "{model}");
            if let Some(long) = price.long_prompt {
                assert!(long.above_tokens >= 100_000, "{model}");
                assert!(long.input_factor >= 1.0 && long.output_factor >= 1.0, "{model}");
            }
        }
    }

    #[test]
    fn a_date_at_the_end_of_a_name_is_left_out() {
        for (name, short) in [
            ("gpt-4o-2024-08-06", Some("gpt-4o")),
            ("claude-opus-4-1-20250805", Some("claude-opus-4-1")),
            ("claude-opus-4-1@20250805", Some("claude-opus-4-1")),
            ("gpt-4o", None),
            ("mistral-large-2512", None),
            ("gpt-4o-2024-08-06-preview", None),
            ("gpt-4o-1024-08-06", None),
            ("m-200000000", None),
            ("2024-08-06", None),
            ("-20240806", Some("")),
            ("ä-20240806", Some("ä")),
        ] {
            assert_eq!(without_date(name), short, "{name}");
        }
    }

    #[test]
    fn names_are_looked_up_exactly_then_without_a_date_and_own_prices_go_first() {
        let bundled = Prices::bundled();
        let input = |prices: &Prices, model| prices.get(model).map(|price| price.input_per_million);
        assert_eq!(input(&bundled, "gpt-4o-2024-08-06"), Some(2.5));
        assert_eq!(input(&bundled, "gpt-4o-2024-05-13"), Some(5.0), "it has a price of its own");
        assert_eq!(input(&bundled, "claude-haiku-4-5-20251001"), Some(1.0));
        for unknown in ["", "gpt", "gpt-4o-foo", "openai/gpt-4o", "GPT-4o", "my-model"] {
            assert_eq!(bundled.get(unknown), None, "{unknown}");
            assert!(!bundled.is_bundled(unknown));
        }
        assert_eq!(Prices::new().get("gpt-4o"), None);
        let own = bundled.price("gpt-4o", Price::new(7.0, 9.0));
        assert_eq!(input(&own, "gpt-4o-2024-05-13"), Some(7.0));
        assert!(!own.is_bundled("gpt-4o-2024-05-13") && own.is_bundled("o3"));
    }

    proptest! {
        #[test]
        fn any_name_does_no_harm(name in ".{0,20}([-@]20[0-9]{6}|-20[0-9]{2}-[0-9]{2}-[0-9]{2})?") {
            let prices = Prices::bundled();
            prop_assert_eq!(prices.is_bundled(&name), prices.get(&name).is_some());
        }
    }
}
