//! Numbers of several rounds, and how they are shown: the median with the least and the greatest. Nothing is measured here.

use std::{fmt, time::Duration};

/// One number a round.
#[derive(Clone, Debug, Default)]
pub struct Series(Vec<f64>);

impl Series {
    /// Adds a round's number.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The middle one; zero if there is none.
    pub fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        match sorted.as_slice() {
            [] => 0.0,
            all if all.len() % 2 == 1 => all[middle],
            all => f64::midpoint(all[middle - 1], all[middle]),
        }
    }

    /// Round by round, this with the other.
    pub fn with(&self, other: &Self, join: impl Fn(f64, f64) -> f64) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| join(*a, *b)).collect())
    }

    /// Round by round, what this has more than the other.
    pub fn minus(&self, other: &Self) -> Self {
        self.with(other, |a, b| a - b)
    }

    /// Round by round, how many times the other this is.
    pub fn over(&self, other: &Self) -> Self {
        self.with(other, |a, b| a / b)
    }

    /// The greatest; zero if there is none.
    pub fn greatest(&self) -> f64 {
        self.sorted().last().copied().unwrap_or_default()
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// A single measurement.
impl From<f64> for Series {
    fn from(value: f64) -> Self {
        Self(vec![value])
    }
}

/// `1.23 (1.10–1.42)`.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sorted().as_slice() {
            [] => f.write_str("–"),
            [one] => f.write_str(&short(*one)),
            [least, .., greatest] => {
                write!(f, "{} ({}–{})", short(self.median()), short(*least), short(*greatest))
            }
        }
    }
}

/// A number with about three digits that matter.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Milliseconds.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A count as a number to calculate with.
pub fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// The value that this share of the values does not exceed; zero if there is none.
pub fn quantile(sorted: &[Duration], per_cent: usize) -> Duration {
    let rank = (sorted.len() * per_cent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Series, quantile};

    #[test]
    fn rounds_are_shown_by_their_median_and_ends() {
        let mut series = Series::default();
        for value in [3.0, 1.0, 200.0] {
            series.push(value);
        }
        assert_eq!(series.to_string(), "3.00 (1.00–200)");
        assert_eq!(series.minus(&series).to_string(), "0.000 (0.000–0.000)");
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!([50, 99, 100].map(|p| quantile(&values, p).as_millis()), [100, 198, 200]);
        assert_eq!(quantile(&[], 50), Duration::ZERO);
    }
}
