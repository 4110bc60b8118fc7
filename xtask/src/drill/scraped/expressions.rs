//! What Prometheus is asked for: by whom, and whether it has an answer.

use std::fmt;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::promql;
use crate::cluster::Prometheus;

pub struct Expression {
    /// The panel, the variable or the rule.
    place: String,
    text: String,
    /// What was wrong with the last answer.
    trouble: String,
}

impl Expression {
    pub fn new(place: String, text: String) -> Self {
        let text = promql::without_stand_ins(&text);
        Self { place, text, trouble: "it was not asked for".to_owned() }
    }

    /// Whether there is a series with a number now. Where a panel shows nothing but `NaN`, nobody sees anything.
    pub async fn has_an_answer(&mut self, prometheus: &Prometheus) -> bool {
        self.trouble = match prometheus.query(&self.text).await {
            Ok(series) if series.iter().any(|series| !series.value.is_nan()) => return true,
            Ok(series) if series.is_empty() => "no series".to_owned(),
            Ok(series) => format!("{} series, all of them NaN", series.len()),
            Err(error) => format!("{error:#}"),
        };
        false
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one_line = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(f, "{}: {}\n    {one_line}", self.place, self.trouble)
    }
}

/// What every rule asks for, and what those that record have recorded. Errors: a rule cannot be evaluated.
pub async fn of_rules(prometheus: &Prometheus) -> anyhow::Result<Vec<Expression>> {
    let answer = prometheus.ask("rules", &[]).await?;
    let groups = answer["groups"].as_array().context("no list of groups")?;
    let mut expressions = Vec::new();
    for rule in groups.iter().filter_map(|group| group["rules"].as_array()).flatten() {
        let (name, query) = (rule["name"].as_str(), rule["query"].as_str());
        let (name, query) = (name.context("a rule has a name")?, query.context("a rule has a query")?);
        ensure!(rule["health"] != "err", "{name}: {}", rule["lastError"]);
        if rule["type"] == "alerting" {
            expressions.push(Expression::new(format!("alert {name}"), promql::always_with_a_value(query)));
        } else {
            expressions.push(Expression::new(format!("rule {name}"), query.to_owned()));
            expressions.push(Expression::new(format!("what {name} has recorded"), recorded(name, &rule["labels"])));
        }
    }
    ensure!(!expressions.is_empty(), "Prometheus has no rules");
    Ok(expressions)
}

fn recorded(name: &str, labels: &Value) -> String {
    let labels = labels.as_object().into_iter().flatten().map(|(label, value)| format!("{label}={value}"));
    format!("{name}{{{}}}", labels.collect::<Vec<_>>().join(","))
}
