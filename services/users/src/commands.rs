//! What operators tell the program to do, once, beside the running service.

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use discovery::Registry;
use events::{Bus, OutboxCommand};
use identity::MeshConfig;
use settings::Secret;

use crate::{Cli, Config, SERVICE, Users, app::NewClient, domain::Email, error::Error};

/// What the program can do besides serving.
#[derive(Subcommand)]
pub enum Command {
    #[command(flatten)]
    Process(lifecycle::Command),
    #[command(flatten)]
    Task(Task),
    /// Look after the events that are still to be told
    #[command(subcommand)]
    Outbox(OutboxCommand),
}

#[derive(Subcommand)]
pub enum Task {
    /// Make the account with this e-mail address an administrator's
    GrantAdmin { email: String },

    /// Register a client of OAuth 2; its id and its secret are printed, this once
    AddClient(AddClient),

    /// Make the next signing key now; it signs a minute later
    RotateKeys,
}

/// A client to be registered: a program by itself, unless it has a redirect URI.
#[derive(Args)]
pub struct AddClient {
    /// Its client_id: 3 to 64 of the characters a-z, 0-9 and -
    pub name: String,

    /// What it may ask for, between spaces: some of admin, orders:read, orders:write, users:read, users:write
    #[arg(long)]
    pub scope: String,

    /// Where people are sent back to who signed in for it; may come several times
    #[arg(long)]
    pub redirect_uri: Vec<String>,

    /// It cannot keep a secret: an app, or a page
    #[arg(long)]
    pub public: bool,
}

/// Does it, and is done.
///
/// Errors: it cannot be done; nothing has changed.
pub async fn run(cli: Cli, task: Task) -> anyhow::Result<()> {
    // What is done here belongs in the audit log, wherever that is sent.
    let _telemetry = telemetry::init(&cli.telemetry, SERVICE, env!("CARGO_PKG_VERSION"))?;
    // The database is all that it speaks with.
    let config = Config { mesh: MeshConfig::default(), ..cli.config };
    let users = Users::build(&config, &Registry::in_process(), &Bus::in_process(&[])).await?;
    match task {
        Task::GrantAdmin { email } => {
            let granted = users.grpc.app.grant_admin(&Email::parse(&email)?).await;
            granted.map_err(|error| match error {
                Error::NotFound => anyhow!("{email} has no account"),
                other => other.into(),
            })
        }
        Task::AddClient(client) => {
            let secret = users.add_client(&client).await?;
            print_credentials(&client.name, secret.as_ref());
            Ok(())
        }
        Task::RotateKeys => users.rotate_keys().await,
    }
}

#[expect(clippy::print_stdout, reason = "it is shown this once, to whoever asked for it")]
fn print_credentials(name: &str, secret: Option<&Secret>) {
    println!("client_id={name}");
    if let Some(secret) = secret {
        println!("client_secret={}", secret.expose());
    }
}

impl Users {
    /// Registers a client. Its secret, if it is to have one, is nowhere else.
    ///
    /// Errors: something of it is not acceptable, or its name is taken.
    pub async fn add_client(&self, client: &AddClient) -> anyhow::Result<Option<Secret>> {
        let AddClient { name, scope, redirect_uri, public } = client;
        let new = NewClient::parse(name, scope, redirect_uri, *public)?;
        Ok(self.grpc.app.add_client(new).await?)
    }

    /// Makes the next signing key.
    ///
    /// Errors: somebody else does it at the same time.
    pub async fn rotate_keys(&self) -> anyhow::Result<()> {
        let rotated = self.grpc.app.keys.rotate().await?;
        rotated.then_some(()).context("somebody else has just made the next key")
    }

    /// Whether there is a client of this name.
    pub async fn has_client(&self, name: &str) -> anyhow::Result<bool> {
        Ok(self.grpc.app.find_client(name).await?.is_some())
    }
}
