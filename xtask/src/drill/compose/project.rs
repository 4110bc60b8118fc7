//! The system of docker-compose.yml as its operators see it: its containers, and whom Consul takes for healthy.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::ensure;
use serde_json::{Deserializer, Value};
use tokio::time::Instant;

use super::docker::Docker;
use crate::drill::report::{figure, seconds};
use crate::{cluster::calls, patience::until};

/// Ours that Consul knows, callees first.
pub const SERVICES: [&str; 3] = ["users", "orders", "gateway"];

/// Ours that nobody calls.
pub const WORKER: &str = "payments";

/// How many containers each of ours has.
pub const REPLICAS: usize = 2;

/// A check each two seconds, and what it takes to ask Consul on a busy machine.
const LISTED_WITHIN: Duration = Duration::from_secs(15);

/// By the token with which one may look at everybody; no argument, since others could see it.
const ASK_CONSUL: &str =
    r#"sed "s/^/x-consul-token: /" "$CONSUL_HTTP_TOKEN_FILE" | curl -fsS --max-time 2 --header @- "$@""#;

/// Over TCP with its password, as the service itself comes in.
const FILL_THE_SHELVES: &str = r#"PGPASSWORD=$(cat /run/secrets/orders) psql --host 127.0.0.1 --username orders \
    --dbname orders --set ON_ERROR_STOP=1 --command "update products set stock = 1000000000""#;

/// As above.
const COUNT_THE_PENDING: &str = r#"PGPASSWORD=$(cat /run/secrets/orders) psql --host 127.0.0.1 --username orders \
    --dbname orders --set ON_ERROR_STOP=1 --tuples-only --no-align \
    --command "select count(*) from orders where status = 'pending'""#;

pub struct Project {
    docker: Docker,
}

impl Project {
    /// Returns when it is up, as docker-compose.yml wants it, and no product will be out of stock.
    ///
    /// Errors: no Docker; no images, which a drill does not build; it does not come up.
    pub async fn up(root: &Path) -> anyhow::Result<Self> {
        let (project, began) = (Self { docker: Docker::found(root).await? }, Instant::now());
        project.docker.compose(&["up", "--detach", "--wait", "--no-build"]).await?;
        figure("up after", seconds(began.elapsed()));
        project.docker.compose(&["exec", "-T", "postgres", "sh", "-c", FILL_THE_SHELVES]).await?;
        project.lists_all().await?;
        Ok(project)
    }

    /// How many orders nobody has decided yet.
    pub async fn pending(&self) -> anyhow::Result<u64> {
        let count = self.docker.compose(&["exec", "-T", "postgres", "sh", "-c", COUNT_THE_PENDING]).await?;
        Ok(count.trim().parse()?)
    }

    /// The containers of a service that run, by their ids.
    pub async fn containers(&self, service: &str) -> anyhow::Result<Vec<String>> {
        let ids = self.docker.compose(&["ps", "--quiet", service]).await?;
        Ok(ids.lines().map(str::to_owned).collect())
    }

    /// By SIGKILL; Docker leaves alone what was killed by hand.
    pub async fn kill(&self, container: &str) -> anyhow::Result<()> {
        self.docker.run(&["kill", container]).await?;
        Ok(())
    }

    pub async fn start(&self, container: &str) -> anyhow::Result<()> {
        self.docker.run(&["start", container]).await?;
        Ok(())
    }

    /// Returns when the service is healthy again.
    pub async fn restart(&self, service: &str) -> anyhow::Result<()> {
        self.docker.compose(&["restart", service]).await?;
        self.docker.compose(&["up", "--detach", "--wait", "--no-recreate", "--no-deps", service]).await?;
        Ok(())
    }

    /// Returns when they are healthy, or gone.
    pub async fn scale(&self, service: &str, replicas: usize) -> anyhow::Result<()> {
        let scale = format!("{service}={replicas}");
        self.docker.compose(&["up", "--detach", "--wait", "--no-recreate", "--scale", &scale]).await?;
        Ok(())
    }

    /// Replaces every container of every service of ours; tells what the script says of each.
    pub async fn rolling_update(&self) -> anyhow::Result<String> {
        self.docker.script("deploy/rolling-update.sh").await
    }

    /// Waits until Consul takes so many instances for healthy; tells how long that took.
    pub async fn lists(&self, service: &str, instances: usize) -> anyhow::Result<Duration> {
        let what = format!("Consul lists {instances} of {service}");
        let lists = async || self.passing().await.is_ok_and(|passing| passing[service] == instances);
        until(&what, LISTED_WITHIN, lists).await
    }

    /// Waits until Consul takes every instance for healthy; tells how long that took.
    pub async fn lists_all(&self) -> anyhow::Result<Duration> {
        until("Consul lists every instance", LISTED_WITHIN, async || self.nobody_is_missing().await.is_ok()).await
    }

    /// Errors: an instance is missing from Consul's lists.
    pub async fn nobody_is_missing(&self) -> anyhow::Result<()> {
        let passing = self.passing().await?;
        ensure!(passing.values().all(|instances| *instances == REPLICAS), "Consul lists only {passing:?}");
        Ok(())
    }

    /// How many calls reached each of these containers lately.
    pub async fn calls_of_each(&self, containers: &[String], lately: Duration) -> anyhow::Result<Vec<usize>> {
        let since = format!("{:.3}s", lately.as_secs_f64());
        let mut counts = Vec::new();
        for container in containers {
            let log = self.docker.run(&["logs", "--since", &since, container]).await?;
            counts.push(calls(log.as_bytes()).count());
        }
        Ok(counts)
    }

    /// What each container uses, beside what it may use.
    pub async fn memory(&self) -> anyhow::Result<Vec<(String, String)>> {
        let containers = self.docker.compose(&["ps", "--quiet"]).await?;
        let mut question = vec!["stats", "--no-stream", "--format", "{{.Name}}\t{{.MemUsage}}"];
        question.extend(containers.lines());
        let answer = self.docker.run(&question).await?;
        let pairs = answer.lines().filter_map(|line| line.split_once('\t'));
        let mut memory: Vec<_> = pairs.map(|(name, usage)| (name.to_owned(), usage.to_owned())).collect();
        memory.sort_unstable();
        Ok(memory)
    }

    /// How many instances of each service Consul takes for healthy.
    async fn passing(&self) -> anyhow::Result<BTreeMap<&'static str, usize>> {
        let urls = SERVICES.map(|service| format!("http://127.0.0.1:8500/v1/health/service/{service}?passing"));
        let mut question = vec!["exec", "-T", "consul", "sh", "-c", ASK_CONSUL, "sh"];
        question.extend(urls.iter().map(String::as_str));
        count(&self.docker.compose(&question).await?)
    }
}

/// Consul's answers are a list for each service, one after the other.
fn count(answers: &str) -> anyhow::Result<BTreeMap<&'static str, usize>> {
    let lists = Deserializer::from_str(answers).into_iter::<Vec<Value>>();
    let lists = lists.collect::<Result<Vec<_>, _>>()?;
    ensure!(lists.len() == SERVICES.len(), "Consul gave {} answers", lists.len());
    Ok(SERVICES.into_iter().zip(lists.iter().map(Vec::len)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instances_of_each_service_are_counted() {
        let passing = count(r#"[{"Service":{}},{"Service":{}}][][{"Service":{}}]"#).unwrap();
        assert_eq!(SERVICES.map(|service| passing[service]), [2, 0, 1]);
    }

    #[test]
    fn an_answer_that_is_missing_or_no_list_counts_for_nobody() {
        assert!(count("[][]").is_err());
        assert!(count("[][]No cluster leader").is_err());
    }
}
