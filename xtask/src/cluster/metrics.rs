//! What an instance shows to whoever scrapes it: Prometheus's text format, a sample a line.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use std::collections::BTreeMap;

#[derive(Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// Comments are left out, and whatever else is no sample.
pub fn samples(page: &str) -> impl Iterator<Item = Sample> {
    page.lines().filter(|line| !line.starts_with('#')).filter_map(sample)
}

fn sample(line: &str) -> Option<Sample> {
    let name_ends = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_ends);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = read_labels(inside, &mut labels)?;
    }
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// Returns what follows the closing brace.
fn read_labels<'a>(mut rest: &'a str, labels: &mut BTreeMap<String, String>) -> Option<&'a str> {
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some(after);
        }
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = read_value(after)?;
        labels.insert(name.to_owned(), value);
        rest = after;
    }
}

/// Up to the quote that closes it; a backslash makes the next character an ordinary one, but for `\n`.
fn read_value(text: &str) -> Option<(String, &str)> {
    let (mut value, mut characters) = (String::new(), text.char_indices());
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_a_name_labels_and_a_value() {
        let page =
            "# TYPE up gauge\nup 1\nlost_total{error_type=\"queue_full\",at=\"a\\\\b\\\"}\\n\"} 2.5 1395066363000\n";
        let samples: Vec<_> = samples(page).collect();
        assert_eq!(samples[0], Sample { name: "up".to_owned(), labels: BTreeMap::new(), value: 1.0 });
        assert_eq!((&*samples[1].name, samples[1].value), ("lost_total", 2.5));
        assert_eq!(samples[1].labels["error_type"], "queue_full");
        assert_eq!(samples[1].labels["at"], "a\\b\"}\n");
    }

    #[test]
    fn what_is_no_sample_is_left_out() {
        assert_eq!(samples("<html>\nup{a=\"b\n\nup one\n").count(), 0);
    }
}
