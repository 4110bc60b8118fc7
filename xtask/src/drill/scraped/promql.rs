//! PromQL, as far as it has to be changed before it is asked for here.

/// A comparison tells 0 instead of nothing, what must not be there is counted, and an exception is no exception: so that
/// an alert which is quiet, as it should be, has a value all the same.
pub fn always_with_a_value(query: &str) -> String {
    let mut changed = String::new();
    for (token, is_text) in tokens(query) {
        changed.push_str(match token {
            _ if is_text => token,
            "absent" => "count",
            "absent_over_time" => "count_over_time",
            "unless" => "or",
            _ => token,
        });
        if !is_text && COMPARISONS.contains(&token) {
            changed.push_str(" bool");
        }
    }
    changed.replace(" bool bool", " bool")
}

const COMPARISONS: [&str; 6] = ["==", "!=", ">=", "<=", ">", "<"];

/// What stands in for nothing, `or vector(0)` and `or 0 * …`, would hide that there is nothing.
pub fn without_stand_ins(query: &str) -> String {
    let tokens: Vec<_> = tokens(query).map(|(token, _)| token).collect();
    let (mut kept, mut depth, mut left_out_at) = (String::new(), 0, None);
    for (index, token) in tokens.iter().enumerate() {
        match *token {
            "(" => depth += 1,
            ")" => depth -= 1,
            "or" if left_out_at.is_none_or(|at| at == depth) => {
                left_out_at = is_a_stand_in(&tokens[index + 1..]).then_some(depth);
            }
            _ => {}
        }
        left_out_at = left_out_at.filter(|at| *at <= depth);
        if left_out_at.is_none() {
            kept.push_str(token);
        }
    }
    kept
}

fn is_a_stand_in(tokens: &[&str]) -> bool {
    let words: Vec<_> = tokens.iter().filter(|token| !token.trim().is_empty()).take(4).copied().collect();
    words.starts_with(&["0", "*"]) || words == ["vector", "(", "0", ")"]
}

/// The words, operators and gaps of a query. Selectors and quoted texts are texts: nothing in them is an operator.
fn tokens(query: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = query;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (length, is_text) = match first {
            '{' => (selector_length(rest), true),
            '"' | '\'' | '`' => (quoted_length(rest), true),
            _ => (plain_length(rest), false),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        Some((token, is_text))
    })
}

/// Up to the brace that closes it, which may also stand in a text inside.
fn selector_length(text: &str) -> usize {
    let mut at = 1;
    while let Some(next) = text[at..].chars().next() {
        at += match next {
            '}' => return at + 1,
            '"' | '\'' | '`' => quoted_length(&text[at..]),
            other => other.len_utf8(),
        };
    }
    at
}

fn quoted_length(text: &str) -> usize {
    let mut characters = text.char_indices();
    let quote = characters.next().map(|(_, quote)| quote);
    while let Some((at, next)) = characters.next() {
        match next {
            '\\' if quote != Some('`') => drop(characters.next()),
            _ if Some(next) == quote => return at + next.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

fn plain_length(text: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
    let is_operator = |c: char| matches!(c, '=' | '!' | '<' | '>' | '~');
    let length = |counts: fn(char) -> bool| text.find(|c| !counts(c)).unwrap_or(text.len());
    match text.chars().next() {
        Some(first) if is_word(first) => length(is_word),
        Some(first) if is_operator(first) => length(is_operator),
        Some(first) => first.len_utf8(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_gives_a_number() {
        let quiet = "sum by (job) (rate(a{b!=\"c\", d=~\"} > 1\"}[5m])) / e > 0.5 and f:g == bool 1";
        let told = "sum by (job) (rate(a{b!=\"c\", d=~\"} > 1\"}[5m])) / e > bool 0.5 and f:g == bool 1";
        assert_eq!(always_with_a_value(quiet), told);
    }

    #[test]
    fn what_must_not_be_there_is_counted() {
        assert_eq!(always_with_a_value("absent(up{job=\"absent\"})"), "count(up{job=\"absent\"})");
        assert_eq!(always_with_a_value("a unless on (b) absented"), "a or on (b) absented");
    }

    #[test]
    fn what_stands_in_for_nothing_is_left_out() {
        assert_eq!(without_stand_ins("sum(a) or vector(0)"), "sum(a) ");
        let query = "(sum by (b) (a{c=\") or 0 *\"}) or 0 * sum by (b) (d)) / (e or 0.5 * f)";
        assert_eq!(without_stand_ins(query), "(sum by (b) (a{c=\") or 0 *\"}) ) / (e or 0.5 * f)");
    }
}
