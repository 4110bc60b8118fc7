//! Figures by name, of several rounds: their medians, and how far they lie apart.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value, json};

/// What was measured at one time.
pub type Figures = BTreeMap<String, f64>;

/// The same of several times.
#[derive(Clone, Debug, Default)]
pub struct Rounds(Vec<Figures>);

/// The middle one of several figures, the least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Rounds {
    pub fn add(&mut self, figures: Figures) {
        self.0.push(figures);
    }

    /// What no round has, there is nothing to say of.
    pub fn spread(&self, name: &str) -> Option<Spread> {
        Spread::of(self.0.iter().filter_map(|round| round.get(name)).copied())
    }

    /// Each round's figure by that of the same round of another build.
    pub fn ratio(&self, other: &Self, name: &str) -> Option<Spread> {
        let pairs = self.0.iter().zip(&other.0);
        let ratios = pairs.filter_map(|(one, other)| Some(one.get(name)? / other.get(name)?));
        Spread::of(ratios.filter(|ratio| ratio.is_finite()))
    }

    pub fn json(&self) -> Value {
        json!(self.0)
    }
}

impl Spread {
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        Some(Self { median, min, max })
    }
}

/// Such as `41.5 (40.2–43.0)`, with as many decimals as were asked for; the spread only where there is one.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self { median, min, max }, decimals) = (self, f.precision().unwrap_or(0));
        match min < max {
            true => write!(f, "{median:.decimals$} ({min:.decimals$}–{max:.decimals$})"),
            false => write!(f, "{median:.decimals$}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(values: &[f64]) -> Rounds {
        Rounds(values.iter().map(|value| Figures::from([("µs".to_owned(), *value)])).collect())
    }

    #[test]
    fn the_median_is_the_middle_one_or_between_the_two_in_the_middle() {
        assert_eq!(rounds(&[3.0, 1.0, 9.0]).spread("µs"), Some(Spread { median: 3.0, min: 1.0, max: 9.0 }));
        assert_eq!(rounds(&[4.0, 1.0, 2.0, 9.0]).spread("µs").unwrap().median, 3.0);
        assert_eq!(rounds(&[]).spread("µs"), None);
        assert_eq!(rounds(&[1.0]).spread("MiB"), None);
    }

    #[test]
    fn a_ratio_compares_what_was_measured_in_the_same_round() {
        let ratio = rounds(&[50.0, 90.0, 20.0]).ratio(&rounds(&[100.0, 100.0, 20.0]), "µs").unwrap();
        assert_eq!((ratio.median, ratio.min, ratio.max), (0.9, 0.5, 1.0));
    }

    #[test]
    fn a_spread_is_told_where_there_is_one() {
        assert_eq!(format!("{:.1}", rounds(&[1.0, 2.0, 4.0]).spread("µs").unwrap()), "2.0 (1.0–4.0)");
        assert_eq!(rounds(&[2.0]).spread("µs").unwrap().to_string(), "2");
    }
}
