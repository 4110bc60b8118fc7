//! A chart over time, as SVG.

use std::fmt::Write;

/// The drawing, in units of its own; the page scales it.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 56.0;
/// For the half of the last time that stands beyond the end: `3600 s`.
const RIGHT: f64 = 24.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 24.0;

pub struct Line {
    pub name: &'static str,
    /// Its colour, in the style.
    pub class: &'static str,
    /// Seconds, and a value.
    pub points: Vec<(f64, f64)>,
}

/// All lines on one scale, whose unit is said.
pub fn chart(unit: &str, lines: &[Line]) -> String {
    let all = || lines.iter().flat_map(|line| &line.points);
    let highest = scale(all().map(|(_, value)| *value).fold(0.0, f64::max));
    let latest = all().map(|(seconds, _)| *seconds).fold(1.0, f64::max);
    let x = |seconds: f64| LEFT + (WIDTH - LEFT - RIGHT) * seconds / latest;
    let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / highest;
    let mut drawing = String::new();
    for part in 0..=4 {
        let value = highest * f64::from(part) / 4.0;
        let (height, right) = (y(value), WIDTH - RIGHT);
        // Writing to a String cannot fail.
        let _ = write!(drawing, r#"<path class="grid" d="M{LEFT} {height:.1}H{right}"/>"#);
        let _ =
            write!(drawing, r#"<text x="{}" y="{:.1}" class="left">{}</text>"#, LEFT - 6.0, height + 4.0, short(value));
        let seconds = latest * f64::from(part) / 4.0;
        let _ = write!(
            drawing,
            r#"<text x="{:.1}" y="{}" class="below">{} s</text>"#,
            x(seconds),
            HEIGHT - 8.0,
            short(seconds)
        );
    }
    for (number, Line { name, class, points }) in lines.iter().enumerate() {
        let path: Vec<_> =
            points.iter().map(|(seconds, value)| format!("{:.1} {:.1}", x(*seconds), y(*value))).collect();
        if !path.is_empty() {
            let _ = write!(drawing, r#"<path class="{class}" d="M{}"/>"#, path.join("L"));
        }
        let place = LEFT + 90.0 * number as f64;
        let _ = write!(drawing, r#"<text x="{place}" y="14" class="{class}">{name}, {unit}</text>"#);
    }
    format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{unit} over time">{drawing}</svg>"#)
}

/// The next of 1, 2, 5, 10, 20, 50…
fn scale(highest: f64) -> f64 {
    let power = 10_f64.powf(highest.max(1e-3).log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|step| step * power).into_iter().find(|limit| *limit >= highest).unwrap_or(highest)
}

/// With the decimals that it has, two at most.
fn short(value: f64) -> String {
    format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_ends_at_a_round_number() {
        assert_eq!([0.0, 0.7, 1.0, 3.0, 48.0, 51.0, 1999.0].map(scale), [0.001, 1.0, 1.0, 5.0, 50.0, 100.0, 2000.0]);
    }

    #[test]
    fn a_number_is_not_rounded_to_another() {
        assert_eq!([0.0, 0.25, 12.5, 100.0, 14.333].map(short), ["0", "0.25", "12.5", "100", "14.33"]);
    }

    #[test]
    fn the_last_time_is_within_the_drawing() {
        let hour = Line { name: "p50", class: "first", points: vec![(0.0, 1.0), (3600.0, 1.0)] };
        let last = r#"<text x="696.0" y="232" class="below">3600 s</text>"#;
        assert!(chart("ms", &[hour]).contains(last));
    }

    #[test]
    fn a_chart_of_nothing_is_a_chart() {
        assert!(chart("ms", &[Line { name: "p50", class: "first", points: Vec::new() }]).starts_with("<svg"));
    }
}
