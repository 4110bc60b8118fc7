//! What was seen, second by second, or by more seconds the longer it takes: the memory stays the same.

use std::time::Duration;

use hdrhistogram::Histogram;

/// So many points make a chart.
const MOST: usize = 240;

pub struct Series {
    width: Duration,
    points: Vec<Point>,
}

/// One stretch of time.
pub struct Point {
    /// In microseconds; two digits are more than a chart shows.
    pub latencies: Histogram<u32>,
    pub failed: u64,
}

impl Point {
    fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, LONGEST_US, 2).expect("these bounds are in order");
        Self { latencies, failed: 0 }
    }

    fn absorb(&mut self, later: &Self) {
        self.latencies.add(&later.latencies).expect("both have the same bounds");
        self.failed += later.failed;
    }
}

/// What takes longer is counted as this, in microseconds.
pub const LONGEST_US: u64 = 120_000_000;

impl Series {
    pub fn new() -> Self {
        Self { width: Duration::from_secs(1), points: Vec::new() }
    }

    /// How much time a point stands for.
    pub fn width(&self) -> Duration {
        self.width
    }

    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Adds an iteration that was due so long after the begin.
    pub fn add(&mut self, due: Duration, latency_us: u64, failed: bool) {
        let mut place = self.place(due);
        while place >= MOST {
            self.halve();
            place = self.place(due);
        }
        while self.points.len() <= place {
            self.points.push(Point::new());
        }
        let point = &mut self.points[place];
        point.latencies.saturating_record(latency_us.clamp(1, LONGEST_US));
        point.failed += u64::from(failed);
    }

    fn place(&self, due: Duration) -> usize {
        (due.as_nanos() / self.width.as_nanos()) as usize
    }

    fn halve(&mut self) {
        self.width *= 2;
        let pairs = std::mem::take(&mut self.points);
        let mut pairs = pairs.into_iter();
        while let Some(mut first) = pairs.next() {
            if let Some(second) = pairs.next() {
                first.absorb(&second);
            }
            self.points.push(first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_takes_as_much_memory_as_some_minutes_and_loses_nobody() {
        let mut series = Series::new();
        for second in 0..86_400 {
            series.add(Duration::from_secs(second), 1000 + second, second % 100 == 0);
        }
        assert!(series.points().len() <= MOST, "{}", series.points().len());
        assert_eq!(series.points().iter().map(|point| point.latencies.len()).sum::<u64>(), 86_400);
        assert_eq!(series.points().iter().map(|point| point.failed).sum::<u64>(), 864);
        let last = series.points().last().unwrap();
        assert!(last.latencies.min() > 80_000, "later ones stay later: {}", last.latencies.min());
    }
}
