//! Simulated experiments whose true means are known.

/// What a score or metric is distributed like, over cases and trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Values {
    /// 1 with this probability, else 0.
    Binary(f64),
    /// `1 - u^k` of a uniform u: crowded at 1 with a long tail, skewness -2.3 for k = 8.
    Skewed(i32),
    /// `-ln u`, an exponential duration: skewness 2, without an upper end.
    Duration(f64),
}

impl Values {
    /// The value for a uniform number.
    fn of(self, u: f64) -> f64 {
        match self {
            Self::Binary(p) => f64::from(u8::from(u < p)),
            Self::Skewed(k) => 1.0 - u.powi(k),
            // Off 0, whose logarithm is infinite.
            Self::Duration(mean) => -mean * (1.0 - u).ln(),
        }
    }

    pub(crate) fn mean(self) -> f64 {
        match self {
            Self::Binary(p) => p,
            Self::Skewed(k) => 1.0 - 1.0 / (f64::from(k) + 1.0),
            Self::Duration(mean) => mean,
        }
    }

    /// The same, a little better or worse: what a comparison should find.
    pub(crate) fn shifted(self) -> Self {
        match self {
            Self::Binary(p) => Self::Binary(p + 0.05),
            Self::Skewed(k) => Self::Skewed(k - 2),
            Self::Duration(mean) => Self::Duration(mean * 1.1),
        }
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Binary(p) => format!("binary {p}"),
            Self::Skewed(_) => "skewed".to_owned(),
            Self::Duration(_) => "duration".to_owned(),
        }
    }
}

/// One setting of the simulation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    pub(crate) cases: usize,
    pub(crate) values: Values,
    pub(crate) trials: usize,
    /// Correlation between any two trials of a case, of one experiment or of two.
    pub(crate) correlation: f64,
}

impl Cell {
    /// Every setting, or those with few cases.
    pub(crate) fn all(sizes: &[usize]) -> Vec<Self> {
        let kinds = [
            Values::Binary(0.1),
            Values::Binary(0.5),
            Values::Binary(0.9),
            Values::Skewed(8),
            Values::Duration(1.0),
        ];
        let mut cells = Vec::new();
        for &cases in sizes {
            for values in kinds {
                for trials in [1, 5] {
                    for correlation in [0.0, 0.5] {
                        cells.push(Self { cases, values, trials, correlation });
                    }
                }
            }
        }
        cells
    }

    /// What the cases of all experiments have in common: one number each.
    pub(crate) fn questions(&self, random: &mut Random) -> Vec<f64> {
        (0..self.cases).map(|_| random.uniform()).collect()
    }

    /// The values of one experiment, by case and trial.
    ///
    /// A trial takes the number of its case with probability `√correlation`, else one of its own:
    /// so any two trials of a case correlate by exactly `correlation`, and single values are
    /// distributed alike whatever it is.
    pub(crate) fn experiment<'a>(
        &self,
        values: Values,
        questions: &[f64],
        keys: &'a [String],
        random: &mut Random,
    ) -> Vec<(&'a str, f64)> {
        let copied = self.correlation.sqrt();
        let cases = keys.iter().zip(questions);
        cases
            .flat_map(|(key, question)| {
                (0..self.trials)
                    .map(|_| {
                        let own = random.uniform();
                        let u = if random.uniform() < copied { *question } else { own };
                        (key.as_str(), values.of(u))
                    })
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}

/// A generator that has nothing to do with the one under test (xorshift64*, Vigna 2016).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // Odd and spread out, so that it is not 0 and neighbouring seeds part at once.
        Self((seed | 1 << 63).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// In 0..1, without 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}
