//! The variables of a dashboard: what they ask Prometheus for, and what stands in their place in an expression.

use std::collections::BTreeMap;

use serde_json::Value;

pub struct Variables {
    /// What those stand for that Prometheus is not asked for.
    values: BTreeMap<String, String>,
    /// By name.
    queries: Vec<(String, String)>,
}

/// Those that every dashboard has; a few scrapes long, here.
const BUILT_IN: [(&str, &str); 6] = [
    ("__rate_interval", "1m"),
    ("__interval", "1m"),
    ("__interval_ms", "60000"),
    ("__range", "5m"),
    ("__range_s", "300"),
    ("__range_ms", "300000"),
];

/// For one that is asked for, in a matcher: whatever there is.
const ANYTHING: &str = ".*";

impl Variables {
    pub fn of(dashboard: &Value) -> Self {
        let built_in = BUILT_IN.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut variables = Self { values: built_in.collect(), queries: Vec::new() };
        for variable in dashboard["templating"]["list"].as_array().into_iter().flatten() {
            variables.add(variable);
        }
        variables
    }

    fn add(&mut self, variable: &Value) {
        let Some(name) = variable["name"].as_str() else { return };
        let query = variable["query"]["query"].as_str().or(variable["query"].as_str()).unwrap_or_default();
        if variable["type"] == "query" {
            self.queries.push((name.to_owned(), query.to_owned()));
        } else {
            let current = variable["current"]["value"].as_str().filter(|value| !value.starts_with('$'));
            let value = current.unwrap_or_else(|| query.split(',').next().unwrap_or_default());
            self.values.insert(name.to_owned(), value.trim().to_owned());
        }
    }

    /// What the variables are asked for, as expressions.
    pub fn queries(&self, dashboard: &str) -> impl Iterator<Item = (String, String)> {
        self.queries.iter().map(move |(name, query)| (format!("{dashboard} / ${name}"), expression(query)))
    }

    /// An expression that Prometheus understands.
    pub fn replace(&self, text: &str) -> String {
        let mut replaced = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            replaced.push_str(before);
            let (name, after) = split_name(after);
            match self.values.get(name) {
                Some(value) => replaced.push_str(value),
                None if name.starts_with(|c: char| c.is_alphabetic()) => match_anything(&mut replaced),
                // The end of a regular expression, or a group of one.
                None => replaced.extend(["$", name]),
            }
            rest = after;
        }
        replaced + rest
    }
}

/// Also where the dashboard asks for one value: `job="$job"` becomes `job=~".*"`.
fn match_anything(replaced: &mut String) {
    if replaced.ends_with("=\"") {
        replaced.truncate(replaced.len() - 1);
        replaced.push_str("~\"");
    }
    replaced.push_str(ANYTHING);
}

/// `job} …`, `{job:regex} …` or `job …`: the name, and what follows.
fn split_name(text: &str) -> (&str, &str) {
    if let Some((inside, after)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) {
        return (inside.split(':').next().unwrap_or(inside), after);
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    text.split_at(end)
}

/// Of Grafana's own functions: `label_values(up, job)` is every `job` of `up`.
fn expression(query: &str) -> String {
    let argument = |function| query.trim().strip_prefix(function)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(arguments) = argument("label_values") {
        let (metric, label) = arguments.rsplit_once(',').unwrap_or(("", arguments));
        let (metric, label) = (metric.trim(), label.trim());
        let metric = if metric.is_empty() { format!("{{{label}!=\"\"}}") } else { metric.to_owned() };
        return format!("count by ({label}) ({metric})");
    }
    argument("query_result").unwrap_or(query).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn variables() -> Variables {
        let job =
            json!({"name": "job", "type": "query", "query": {"query": "label_values(up{a=\"b\", c=\"d\"}, job)"}});
        let share = json!({"name": "share", "type": "custom", "query": "0.5,0.99", "current": {"value": "$__all"}});
        Variables::of(&json!({"templating": {"list": [job, share]}}))
    }

    #[test]
    fn a_variable_matches_anything_and_a_constant_is_itself() {
        let asked =
            "histogram_quantile($share, rate(a{job=\"$job\", b=~\"${job:regex}\", c!~\"d$|$1\"}[$__rate_interval]))";
        let told = "histogram_quantile(0.5, rate(a{job=~\".*\", b=~\".*\", c!~\"d$|$1\"}[1m]))";
        assert_eq!(variables().replace(asked), told);
    }

    #[test]
    fn a_variable_is_asked_for_by_an_expression() {
        let queries: Vec<_> = variables().queries("Shop").collect();
        let expected = ("Shop / $job".to_owned(), "count by (job) (up{a=\"b\", c=\"d\"})".to_owned());
        assert_eq!(queries, [expected]);
        assert_eq!(expression("label_values(job)"), "count by (job) ({job!=\"\"})");
    }
}
