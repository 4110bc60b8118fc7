//! What a statement does, in a few words that are the same whatever its parameters: `db.query.summary`.

/// The longest summary, in bytes (semantic conventions: 255).
const LONGEST: usize = 255;

/// Its operations and what each is about, in their order: `SELECT orders`, `INSERT orders SELECT products`.
pub fn summary(sql: &str) -> String {
    let mut summary = String::with_capacity(32);
    let mut before = "";
    for word in words(sql) {
        match (before, word) {
            // `for update` locks, `do update` is the rest of an insert.
            ("for" | "do", "update") => {}
            (_, "select" | "insert" | "update" | "delete" | "begin" | "commit" | "rollback") => {
                push(&mut summary, &word.to_uppercase());
            }
            ("from" | "into" | "join" | "update", target) if is_name(target) => push(&mut summary, target),
            _ => {}
        }
        before = word;
    }
    match summary.is_empty() {
        true => words(sql).next().unwrap_or_default().to_uppercase(),
        false => summary,
    }
}

fn push(summary: &mut String, word: &str) {
    if summary.len() + 1 + word.len() > LONGEST {
        return;
    }
    if !summary.is_empty() {
        summary.push(' ');
    }
    summary.push_str(word);
}

/// What stands in quotes is nobody's operation, and a function is no table.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    let code = sql.split('\'').step_by(2);
    code.flat_map(|code| code.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ')')))
        .filter(|word| !word.is_empty())
        .map(|word| word.trim_start_matches('('))
}

fn is_name(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'.')
        && !matches!(word, "select" | "set" | "only" | "lateral")
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
                "SELECT UPDATE products line INSERT lines SELECT line",
            ),
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
