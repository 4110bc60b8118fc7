//! Writes what was seen on the wire as a script for pgbench, so that it is always what the service really sends.

use std::fmt::Write;

use anyhow::{Context, bail, ensure};
use uuid::Uuid;

use crate::bench::{
    trips::parts,
    wire::{Reader, Statement, Trip},
};

/// Of two orders of the same basket: ids that differ are of the order, and new for each.
pub fn of(one: &[Trip], other: &[Trip]) -> anyhow::Result<String> {
    let ids = new_ids(one, other)?;
    let mut script = "\\set n :n + 1\n".to_owned();
    for trip in one {
        let mut statements = Vec::new();
        for statement in &trip.statements {
            statements.extend(commands(statement, &ids)?);
        }
        // What is sent at once waits for one answer.
        let together = statements.len() > 1;
        script += if together { "\\startpipeline\n" } else { "" };
        for statement in statements {
            writeln!(script, "{statement};")?;
        }
        script += if together { "\\endpipeline\n" } else { "" };
    }
    Ok(script)
}

fn new_ids(one: &[Trip], other: &[Trip]) -> anyhow::Result<Vec<Uuid>> {
    let statements = |trips: &[Trip]| trips.iter().flat_map(|trip| trip.statements.clone()).collect::<Vec<_>>();
    let (one, other) = (statements(one), statements(other));
    // What has no parameters may have what is left of a deadline in its text.
    let is_same = |(one, other): (&Statement, &Statement)| {
        one.sql == other.sql || one.values.is_empty() && other.values.is_empty()
    };
    let same = one.len() == other.len() && one.iter().zip(&other).all(is_same);
    let told = |statements: &[Statement]| statements.iter().map(|it| one_line(&it.sql)).collect::<Vec<_>>().join("\n");
    ensure!(same, "two orders of the same basket need other statements:\n{}\n\nand:\n{}", told(&one), told(&other));
    let mut ids = Vec::new();
    for (one, other) in one.iter().zip(&other) {
        for ((value, other), kind) in one.values.iter().zip(&other.values).zip(&one.types) {
            if let (Some(value), UUID) = (value, *kind)
                && Some(value) != other.as_ref()
            {
                ids.push(Uuid::from_slice(value)?);
            }
        }
    }
    ids.dedup();
    Ok(ids)
}

/// One for each statement that a message holds.
fn commands(statement: &Statement, ids: &[Uuid]) -> anyhow::Result<Vec<String>> {
    if statement.values.is_empty() {
        return Ok(parts(statement).map(one_line).collect());
    }
    let mut command = one_line(&statement.sql);
    // From the last to the first: `$1` is the begin of `$10`.
    for (number, value) in statement.values.iter().enumerate().rev() {
        let kind = statement.types.get(number).copied().unwrap_or(0);
        let literal = match value {
            None => "null".to_owned(),
            Some(value) => match ids.iter().position(|id| kind == UUID && id.as_bytes() == &value[..]) {
                Some(index) => new_id(index, ids.len()),
                None => literal(kind, value).with_context(|| format!("${} of {command}", number + 1))?,
            },
        };
        command = command.replace(&format!("${}", number + 1), &literal);
    }
    Ok(vec![command])
}

/// After all that are there, and rising with time, as real ones do.
fn new_id(index: usize, count: usize) -> String {
    format!(
        "('f' || lpad(to_hex(:n::bigint * {count} + {index}), 15, '0') || lpad(to_hex(:client_id::bigint), 16, '0'))::uuid"
    )
}

/// Without the comments, which would end with the line.
fn one_line(sql: &str) -> String {
    let code = sql.lines().filter_map(|line| line.split("--").next());
    code.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// As `pg_type` numbers them.
const UUID: u32 = 2950;

fn literal(kind: u32, value: &[u8]) -> anyhow::Result<String> {
    let cut = "a value is as long as its type says";
    Ok(match kind {
        UUID => format!("'{}'::uuid", Uuid::from_slice(value)?),
        20 => format!("{}::bigint", i64::from_be_bytes(value.try_into().context(cut)?)),
        23 => format!("{}::integer", i32::from_be_bytes(value.try_into().context(cut)?)),
        16 => format!("{}", value != [0]),
        701 => format!("{}::double precision", f64::from_be_bytes(value.try_into().context(cut)?)),
        17 => format!("'\\x{}'::bytea", hexadecimal(value)),
        0 | 25 | 1043 => format!("'{}'::text", std::str::from_utf8(value)?.replace('\'', "''")),
        // Microseconds since the year 2000; no colons, which begin a variable.
        1184 => {
            let microseconds = i64::from_be_bytes(value.try_into().context(cut)?);
            let time = time::macros::datetime!(2000-01-01 0:00 UTC) + time::Duration::microseconds(microseconds);
            let (date, [hour, minute, second]) = (time.date(), [time.hour(), time.minute(), time.second()]);
            format!("'{date} {hour:02}{minute:02}{second:02}.{:06} UTC'::timestamptz", time.microsecond())
        }
        1009 => array("text", value)?,
        1016 => array("bigint", value)?,
        1007 => array("integer", value)?,
        2951 => array("uuid", value)?,
        other => bail!("a type that is not known here: {other}"),
    })
}

/// One dimension: their number, whether there are nulls, the type; the length, the first index; then the elements.
fn array(kind: &str, value: &[u8]) -> anyhow::Result<String> {
    let mut reader = Reader(value);
    let mut number = || reader.u32().context("an array has a head");
    let (dimensions, _nulls, element) = (number()?, number()?, number()?);
    let (length, _first) = if dimensions == 0 { (0, 0) } else { (number()?, number()?) };
    let mut elements = Vec::new();
    for _ in 0..length {
        let value = reader.value().context("an array has its elements")?;
        elements.push(value.map_or_else(|| Ok("null".to_owned()), |value| literal(element, &value))?);
    }
    Ok(format!("array[{}]::{kind}[]", elements.join(", ")))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trips(id: Uuid) -> Vec<Trip> {
        let begin = Statement { sql: "begin; set local statement_timeout = 9".to_owned(), ..Statement::default() };
        let (id, price) = (Some(id.as_bytes().to_vec()), Some(7i64.to_be_bytes().to_vec()));
        let sql = "-- Places it.\ninsert into orders -- all\n values ($1, $2, $3::text)".to_owned();
        let insert = Statement { sql, types: vec![UUID, 20, 25], values: vec![id, price, Some(b"it's".to_vec())] };
        [begin, insert].map(|statement| Trip { connection: 1, statements: vec![statement] }).to_vec()
    }

    #[test]
    fn what_differs_is_new_each_time() {
        let script = of(&trips(Uuid::nil()), &trips(Uuid::max())).unwrap();
        let pipeline = "\\startpipeline\nbegin;\nset local statement_timeout = 9;\n\\endpipeline\n";
        let insert = format!("insert into orders values ({}, 7::bigint, 'it''s'::text::text);\n", new_id(0, 1));
        assert_eq!(script, format!("\\set n :n + 1\n{pipeline}{insert}"));
    }

    #[test]
    fn what_is_the_same_stays() {
        assert!(
            of(&trips(Uuid::nil()), &trips(Uuid::nil()))
                .unwrap()
                .contains("'00000000-0000-0000-0000-000000000000'::uuid")
        );
    }

    #[test]
    fn values_are_written_as_sql_has_them() {
        assert_eq!(literal(17, &[1, 0xfe]).unwrap(), "'\\x01fe'::bytea");
        assert_eq!(
            literal(1184, &86_400_000_001i64.to_be_bytes()).unwrap(),
            "'2000-01-02 000000.000001 UTC'::timestamptz"
        );
        let head = [1u32, 0, 25, 2, 1].map(u32::to_be_bytes).concat();
        let array = [&head[..], &1u32.to_be_bytes(), b"a", &u32::MAX.to_be_bytes()].concat();
        assert_eq!(literal(1009, &array).unwrap(), "array['a'::text, null]::text[]");
        literal(600, b"").unwrap_err();
    }
}
