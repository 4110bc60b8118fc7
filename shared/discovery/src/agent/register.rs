//! Being found: registered while ready, looked after, taken back when leaving.

use std::{
    collections::BTreeMap,
    net::{IpAddr, UdpSocket},
    time::Duration,
};

use consul::{CheckStatus, Error, NewCheck, NewService, Probe, Schedule};
use reqwest::Url;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Agent;
use crate::Registration;

/// How often an instance looks whether the agent still knows of it.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// The agent's look at an instance takes no longer, or it has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// What has been critical for so long will not come back by itself; Consul allows no less.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// An agent that does not answer must not hold up who leaves: it will find out.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

impl Agent {
    /// Registers, and again whenever the agent has forgotten; deregisters when `leaving`.
    pub async fn register(&self, registration: &Registration, leaving: CancellationToken) {
        let service = self.describe(registration);
        let what = format!("registering {}", service.id);
        let care = async {
            loop {
                match self.renew(&service).await {
                    Ok(()) => self.succeeded(&what),
                    Err(error) => self.failed(&what, &error),
                }
                sleep(BETWEEN_LOOKS).await;
            }
        };
        leaving.run_until_cancelled(care).await;
        if timeout(FAREWELL_TIMEOUT, self.deregister(&service.id)).await.is_err() {
            tracing::warn!(id = service.id, "not deregistered: the agent does not answer");
        }
    }

    async fn deregister(&self, id: &str) {
        match self.client.agent().deregister_service(id).await {
            Ok(()) | Err(Error::NotFound(_)) => tracing::info!(id, "deregistered"),
            Err(error) => self.failed(&format!("deregistering {id}"), &error),
        }
    }

    /// Only if need be: a registration starts the agent's checks anew.
    async fn renew(&self, service: &NewService) -> Result<(), Error> {
        let agent = self.client.agent();
        match agent.find_service(&service.id).await? {
            Some(known) if known.meta == service.meta && known.port == service.port => return Ok(()),
            // A check that is replaced keeps what it found out of the life before: the new one would be critical at first.
            Some(_) => agent.deregister_service(&service.id).await?,
            None => {}
        }
        agent.register_service(service).await?;
        tracing::info!(id = service.id, "registered");
        Ok(())
    }

    fn describe(&self, registration: &Registration) -> NewService {
        let host = self.host(registration.address.ip());
        let advertised = self.settings.advertise.as_ref().and_then(|advertise| advertise.port);
        let port = advertised.unwrap_or(registration.address.port());
        let mut meta = BTreeMap::from([
            ("version".to_owned(), registration.version.to_owned()),
            ("started_at".to_owned(), registration.started_at.clone()),
            ("ops_port".to_owned(), registration.operations.port().to_string()),
        ]);
        meta.extend(registration.http.map(|http| ("http_port".to_owned(), http.port().to_string())));
        meta.extend(self.settings.zone.clone().map(|zone| ("zone".to_owned(), zone)));
        NewService {
            id: format!("{}-{host}-{port}", registration.service),
            name: registration.service.clone(),
            port,
            tags: vec![registration.protocol.to_owned()],
            meta,
            checks: vec![self.check(registration, &host)],
            address: host,
        }
    }

    /// The plain operations port is asked: a check over gRPC could not show a certificate.
    fn check(&self, registration: &Registration, host: &str) -> NewCheck {
        let operations = registration.operations;
        let host = if operations.ip().is_unspecified() { host.to_owned() } else { operations.ip().to_string() };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let schedule = Schedule { interval: self.settings.check_interval, timeout: CHECK_TIMEOUT };
        NewCheck {
            id: None,
            name: "readyz".to_owned(),
            probe: Probe::Http { url: format!("http://{host}:{}/readyz", operations.port()), schedule },
            // It is ready, or it would not register.
            status: Some(CheckStatus::Passing),
            deregister_critical_service_after: Some(FORGOTTEN_AFTER),
        }
    }

    /// Where others reach us: as we were told, where we listen, or the address that we have towards the agent.
    fn host(&self, bound: IpAddr) -> String {
        if let Some(advertise) = &self.settings.advertise {
            return advertise.host.clone();
        }
        if !bound.is_unspecified() {
            return bound.to_string();
        }
        let towards_agent = self.settings.url.parse().ok().and_then(|url| local_address(&url));
        towards_agent.unwrap_or(IpAddr::from([127, 0, 0, 1])).to_string()
    }
}

/// Nothing is sent: a datagram socket that is connected has the address of the interface that the way leads through.
fn local_address(url: &Url) -> Option<IpAddr> {
    let targets = url.socket_addrs(|| None).ok()?;
    targets.into_iter().find_map(|target| {
        let any: IpAddr = if target.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect(target).ok()?;
        Some(socket.local_addr().ok()?.ip())
    })
}
