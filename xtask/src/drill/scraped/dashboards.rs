//! What the panels and the variables of Grafana's dashboards ask Prometheus for.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{expressions::Expression, variables::Variables};

const DEPLOYED: &str = "deploy/grafana";

/// Errors: there are no dashboards, or one is no JSON.
pub fn expressions(root: &Path) -> anyhow::Result<Vec<Expression>> {
    let mut files = Vec::new();
    find_files(&root.join(DEPLOYED), &mut files).with_context(|| format!("no dashboards in {DEPLOYED}"))?;
    let mut expressions = Vec::new();
    for file in files {
        let dashboard: Value = serde_json::from_slice(&fs::read(&file)?).with_context(|| file.display().to_string())?;
        let title = dashboard["title"].as_str().with_context(|| format!("{} has no title", file.display()))?;
        let variables = Variables::of(&dashboard);
        let mut asked = Vec::new();
        for list in ["panels", "annotations"] {
            find_expressions(&dashboard[list], title, &mut asked);
        }
        asked.extend(variables.queries(title));
        expressions.extend(asked.into_iter().map(|(place, text)| Expression::new(place, variables.replace(&text))));
    }
    ensure!(!expressions.is_empty(), "the dashboards in {DEPLOYED} ask for nothing");
    Ok(expressions)
}

fn find_files(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

/// With the title of the panel that they stand in, however deep.
fn find_expressions(value: &Value, place: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| find_expressions(value, place, found)),
        Value::Object(_) if !may_be_for_prometheus(value) => {}
        Value::Object(fields) => {
            let title = fields.get("title").and_then(Value::as_str).filter(|title| !title.is_empty());
            let place = title.map_or_else(|| place.to_owned(), |title| format!("{place} / {title}"));
            if let Some(Value::String(expression)) = fields.get("expr") {
                found.push((place.clone(), expression.clone()));
            }
            fields.values().for_each(|value| find_expressions(value, &place, found));
        }
        _ => {}
    }
}

/// Other data sources have languages of their own.
fn may_be_for_prometheus(value: &Value) -> bool {
    value["datasource"]["type"].as_str().is_none_or(|kind| matches!(kind, "prometheus" | "datasource" | "grafana"))
}
