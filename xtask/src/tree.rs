//! The workspace as the rules see it: its crates, its sources, and what its files say of both.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};
use serde_json::Value;

#[derive(Default)]
pub struct Tree {
    pub crates: Vec<Crate>,
    pub sources: Vec<Source>,
    /// The text of `shared/README.md`.
    pub shared_table: String,
    /// The text of `.dockerignore`.
    pub docker_ignore: String,
}

pub struct Crate {
    pub name: String,
    /// Relative to the root, with `/` on every platform; so is every path here.
    pub folder: String,
    pub manifest: String,
    /// Those within the workspace.
    pub dependencies: Vec<Dependency>,
}

pub struct Dependency {
    pub name: String,
    pub only_in_tests: bool,
}

/// A Rust file or a contract.
pub struct Source {
    pub path: String,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// `deploy/local`: all services in one process.
    Local,
    Service,
    Proto,
    Shared,
    /// Whatever works on the others from outside, such as this crate.
    Tool,
}

impl Tree {
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let mut sources = Vec::new();
        read_sources(root, root, &mut sources)?;
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self {
            crates: read_crates(root)?,
            sources,
            shared_table: fs::read_to_string(root.join("shared/README.md")).unwrap_or_default(),
            docker_ignore: fs::read_to_string(root.join(".dockerignore")).unwrap_or_default(),
        })
    }
}

impl Crate {
    pub fn layer(&self) -> Layer {
        match self.folder.split_once('/') {
            Some(("services", _)) => Layer::Service,
            Some(("shared", _)) => Layer::Shared,
            Some(("deploy", "local")) => Layer::Local,
            None if self.folder == "proto" => Layer::Proto,
            _ => Layer::Tool,
        }
    }

    pub fn manifest_path(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }

    /// The line of the manifest on which a dependency is declared.
    pub fn line_of(&self, dependency: &str) -> usize {
        let declares = |line: &str| line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
        self.manifest.lines().position(declares).map_or(1, |at| at + 1)
    }
}

impl Source {
    /// The lines with their numbers, without their comments.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines();
        (1..).zip(lines.map(|line| line.split("//").next().unwrap_or_default()))
    }
}

fn read_crates(root: &Path) -> anyhow::Result<Vec<Crate>> {
    let metadata = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("cargo metadata")?;
    ensure!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout)?;
    let packages = metadata["packages"].as_array().context("no packages in cargo's metadata")?;
    packages.iter().map(|package| read_crate(root, package)).collect()
}

fn read_crate(root: &Path, package: &Value) -> anyhow::Result<Crate> {
    let manifest = PathBuf::from(string(package, "manifest_path")?);
    let folder = manifest.parent().context("a manifest lies in a folder")?;
    let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
    Ok(Crate {
        name: string(package, "name")?,
        folder: relative(root, folder)?,
        manifest: fs::read_to_string(&manifest)?,
        dependencies: dependencies
            .iter()
            .filter(|dependency| dependency["path"].is_string())
            .map(read_dependency)
            .collect::<anyhow::Result<_>>()?,
    })
}

fn read_dependency(dependency: &Value) -> anyhow::Result<Dependency> {
    Ok(Dependency { name: string(dependency, "name")?, only_in_tests: dependency["kind"] == "dev" })
}

fn read_sources(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && name != "target" {
                read_sources(root, &path, sources)?;
            }
        } else if name.ends_with(".rs") || name.ends_with(".proto") {
            let text = fs::read_to_string(&path)?;
            sources.push(Source { path: relative(root, &path)?, text });
        }
    }
    Ok(())
}

fn relative(root: &Path, path: &Path) -> anyhow::Result<String> {
    let parts = path.strip_prefix(root)?.iter().map(|part| part.to_string_lossy());
    Ok(parts.collect::<Vec<_>>().join("/"))
}

fn string(value: &Value, key: &str) -> anyhow::Result<String> {
    let text = value[key].as_str().with_context(|| format!("no {key} in cargo's metadata"))?;
    Ok(text.to_owned())
}
