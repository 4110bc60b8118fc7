//! What a statement does, in a few words that are the same whatever its parameters: `db.query.summary`.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
};

/// The longest summary, in bytes (semantic conventions: 255).
const LONGEST: usize = 255;

/// A program has some dozens of statements; one that makes them up has its summaries made anew.
const MOST_KNOWN: usize = 1000;

/// Those that were made, for the rest of the process.
static KNOWN: LazyLock<RwLock<HashMap<String, &'static str>>> = LazyLock::new(RwLock::default);

/// As [`summary`], which is asked once for each statement.
pub fn known_summary(sql: &str) -> Cow<'static, str> {
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(sql) {
        return Cow::Borrowed(known);
    }
    let summary = summary(sql);
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() == MOST_KNOWN {
        return summary.into();
    }
    Cow::Borrowed(known.entry(sql.to_owned()).or_insert_with(|| summary.leak()))
}

/// Its operations and the tables of each, in their order: `SELECT orders`, `UPDATE products INSERT orders`.
fn summary(sql: &str) -> String {
    let words: Vec<_> = words(sql).collect();
    // What a `with` gives a name is no table.
    let named = |name| words.windows(3).any(|words| words[0] == name && words[1] == "as" && words[2].starts_with('('));
    let (mut summary, mut operation, mut before) = (String::new(), None, "");
    for word in words.iter().map(|word| word.trim_start_matches('(')).filter(|word| !word.is_empty()) {
        // `for update` locks, `do update` is the rest of an insert.
        if matches!((before, word), ("for" | "do", "update")) {
            before = "";
            continue;
        }
        match (before, word) {
            (_, "select" | "insert" | "update" | "delete") => operation = Some(word),
            ("from" | "into" | "join" | "update", table) if is_table(table) && !named(table) => {
                push(&mut summary, operation.take().map(str::to_uppercase).as_deref().into_iter().chain([table]));
            }
            _ => {}
        }
        before = word;
    }
    match summary.is_empty() {
        true => words.first().map(|word| word.to_uppercase()).unwrap_or_default(),
        false => summary,
    }
}

fn push<'a>(summary: &mut String, words: impl Iterator<Item = &'a str>) {
    for word in words.filter(|word| word.len() < LONGEST) {
        if summary.len() + word.len() < LONGEST {
            summary.push_str(if summary.is_empty() { "" } else { " " });
            summary.push_str(word);
        }
    }
}

/// What stands in quotes is nobody's operation.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    let code = sql.split('\'').step_by(2);
    code.flat_map(|code| code.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ')')))
        .filter(|word| !word.is_empty())
}

/// A function has a parenthesis.
fn is_table(word: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'.';
    word.bytes().all(is_word) && !matches!(word, "select" | "set" | "only" | "lateral")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_operations_and_tables() {
        let summaries = [
            ("select sku, name from products where sku = $1", "SELECT products"),
            ("select 1 as one from orders where id = $1 and user_id = $2 for update", "SELECT orders"),
            ("update orders set status = 'cancelled', version = version + 1 where id = $1", "UPDATE orders"),
            ("delete from idempotency_keys where created_at < now()", "DELETE idempotency_keys"),
            (
                "insert into keys (user_id) values ($1) on conflict do update set order_id = excluded.order_id",
                "INSERT keys",
            ),
            (
                "select sku from products where sku in (select sku from lines where order_id = $1) for update",
                "SELECT products SELECT lines",
            ),
            (
                "with line as (select * from unnest($1::text[]) as line (sku)), taken as (
                     update products set stock = 0 from line
                 ) insert into lines (sku) select sku from line",
                "UPDATE products INSERT lines",
            ),
            (
                "select a from one, lateral (select b from two for update) as three for update of three",
                "SELECT one SELECT two",
            ),
            ("select 1", "SELECT"),
            ("select a from one join two on true", "SELECT one two"),
            ("select 'select secrets from users' from things", "SELECT things"),
            ("lock table things", "LOCK"),
            ("", ""),
        ];
        for (sql, expected) in summaries {
            assert_eq!(summary(sql), expected);
        }
    }

    #[test]
    fn a_summary_is_short() {
        assert!(summary(&"select a from tables ".repeat(100)).len() <= LONGEST);
    }
}
