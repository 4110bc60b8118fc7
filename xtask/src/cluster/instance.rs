//! One process of a service, which always comes back at the same address.

mod report;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::SocketAddr,
    path::PathBuf,
    process::ExitStatus,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use reqwest::Client;
use rustix::process::Signal;
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use self::report::{lists, sent_to};
use super::{
    call_log::{CallLog, lines},
    family::{Family, signal},
    metrics::{Sample, samples},
};
use crate::{patience::until, processes::processor_time};

/// From its start to its readiness, migrations included, on a slow machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How often one that ends before it is ready is started.
const STARTS: usize = 5;

/// The drain's delay and its timeout, and a little.
const STOP_LIMIT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Users,
    Orders,
    Payments,
    Gateway,
}

impl Service {
    /// Of its program, and in Consul.
    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Orders => "orders",
            Self::Payments => "payments",
            Self::Gateway => "gateway",
        }
    }

    /// Whether Consul knows it: somebody calls it.
    pub fn is_registered(self) -> bool {
        self != Self::Payments
    }
}

/// What an instance is made of.
pub struct Plan {
    pub service: Service,
    pub name: String,
    pub program: PathBuf,
    /// Where its clients find it; its operations port, where it has no clients.
    pub address: SocketAddr,
    pub operations: SocketAddr,
    pub settings: BTreeMap<&'static str, String>,
    pub log: PathBuf,
}

pub struct Instance {
    plan: Plan,
    family: Arc<Family>,
    client: Client,
    child: Option<Child>,
}

impl Instance {
    /// Not yet started.
    pub fn new(plan: Plan, family: Arc<Family>) -> anyhow::Result<Self> {
        let client = super::client(Duration::from_secs(1))?;
        Ok(Self { plan, family, client, child: None })
    }

    pub fn name(&self) -> &str {
        &self.plan.name
    }

    pub fn service(&self) -> Service {
        self.plan.service
    }

    pub fn address(&self) -> SocketAddr {
        self.plan.address
    }

    /// Where orchestrators ask.
    pub fn operations(&self) -> SocketAddr {
        self.plan.operations
    }

    /// Where Consul sends its clients.
    pub fn registered_at(&self) -> SocketAddr {
        let advertised = self.plan.settings.get("ADVERTISE_ADDRESS").and_then(|address| address.parse().ok());
        advertised.unwrap_or(self.plan.address)
    }

    /// Changes a setting of the next start.
    pub fn set(&mut self, setting: &'static str, value: impl ToString) {
        self.plan.settings.insert(setting, value.to_string());
    }

    /// What its next start is told.
    pub fn settings(&self) -> &BTreeMap<&'static str, String> {
        &self.plan.settings
    }

    /// Runs another build of the same program from the next start on, with these settings.
    pub fn replace(&mut self, program: PathBuf, settings: BTreeMap<&'static str, String>) {
        (self.plan.program, self.plan.settings) = (program, settings);
    }

    /// Throws away what it has logged.
    pub fn forget_log(&self) -> anyhow::Result<()> {
        // It writes to the end, wherever that is.
        Ok(File::options().write(true).open(&self.plan.log)?.set_len(0)?)
    }

    /// As it is for the next start.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.plan.settings.get(name).map(String::as_str)
    }

    pub fn start(&mut self) -> anyhow::Result<()> {
        let mut command = self.family.member(&self.plan.program, &self.plan.log)?;
        let started = command.envs(&self.plan.settings).spawn();
        self.child = Some(started.with_context(|| format!("{} does not start", self.plan.program.display()))?);
        Ok(())
    }

    /// Its program, with its settings, to be told something else than to serve.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.plan.program);
        command.envs(&self.plan.settings).kill_on_drop(true);
        command
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        let what = format!("{} is ready", self.name());
        let url = format!("http://{}/readyz", self.plan.operations);
        let (client, child) = (&self.client, self.child.as_mut().context("it was not started")?);
        let mut ended = None;
        until(&what, START_LIMIT, async || {
            ended = child.try_wait().ok().flatten();
            ended.is_some() || client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await?;
        match ended {
            Some(status) => bail!("{} has ended: {status}", self.name()),
            None => Ok(()),
        }
    }

    /// Waits as well, and starts it again where it ends before that, as whoever looks after it elsewhere would. Returns how
    /// often it did.
    pub async fn ready_at_last(&mut self) -> anyhow::Result<usize> {
        for ended in 0..STARTS {
            match self.ready().await {
                Ok(()) => return Ok(ended),
                Err(_) if self.has_ended() => self.start()?,
                Err(error) => return Err(error),
            }
        }
        bail!("{} ends each time that it is started", self.name())
    }

    fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    pub async fn restart(&mut self) -> anyhow::Result<ExitStatus> {
        let status = self.terminate().await?;
        self.start()?;
        self.ready().await?;
        Ok(status)
    }

    /// Asks it to end, and waits for that.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        let mut child = self.child.take().context("it runs")?;
        let ended = timeout(STOP_LIMIT, child.wait()).await;
        Ok(ended.with_context(|| format!("{} does not end", self.name()))??)
    }

    /// Gives it no time for anything.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("it runs")?;
        child.kill().await.with_context(|| format!("{} does not end", self.name()))
    }

    pub fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// Of its process. Errors: it does not run.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.child.as_ref().and_then(Child::id).with_context(|| format!("{} does not run", self.name()))
    }

    /// What it has had of the processors since it was started.
    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        let seconds = processor_time(self.id()?).context("/proc has no such processor time")?;
        Ok(Duration::from_secs_f64(seconds))
    }

    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        self::signal(self.child.as_ref(), signal).with_context(|| format!("no signal to {}", self.name()))
    }

    /// Whether it may send calls to an instance at this address.
    pub async fn knows(&self, peer: SocketAddr) -> anyhow::Result<bool> {
        Ok(lists(&self.report().await?, peer))
    }

    /// How many calls it has sent to an instance at this address, as far as it remembers.
    pub async fn sent_to(&self, peer: SocketAddr) -> anyhow::Result<u64> {
        Ok(sent_to(&self.report().await?, peer))
    }

    /// What it says of its own certificate.
    pub async fn certificate(&self) -> anyhow::Result<String> {
        let report = self.report().await?;
        let line = report.lines().find(|line| line.contains(" certificate: "));
        Ok(line.context("it says nothing of a certificate")?.to_owned())
    }

    async fn report(&self) -> reqwest::Result<String> {
        let url = format!("http://{}/readyz?verbose", self.plan.operations);
        self.client.get(url).send().await?.text().await
    }

    /// What it shows to whoever scrapes it.
    pub async fn metrics(&self) -> anyhow::Result<Vec<Sample>> {
        let url = format!("http://{}/metrics", self.plan.operations);
        let answer = self.client.get(url).send().await?.error_for_status()?;
        Ok(samples(&answer.text().await?).collect())
    }

    /// What it has logged so far, since it was first started.
    pub fn log(&self) -> anyhow::Result<Vec<Value>> {
        Ok(lines(&fs::read(&self.plan.log)?).collect())
    }

    /// The calls that reach it from now on.
    pub fn calls(&self) -> anyhow::Result<CallLog> {
        CallLog::from_now(self.plan.log.clone())
    }
}
