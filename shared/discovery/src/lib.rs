//! Who is there: the registry, through Consul or within a process; names and addresses where there is none.

#![warn(missing_docs)]

mod agent;
mod certificates;
mod config;
mod dns;
mod http_instances;
mod in_process;
mod instance;
mod live;
mod peer;
mod registration;
mod registry;

pub use certificates::Certificates;
pub use config::{Advertise, AdvertiseError, Config, agent_url};
pub use http_instances::HttpInstances;
pub use instance::{Instance, Instances};
pub use live::Live;
pub use peer::{Peer, PeerError};
pub use registration::Registration;
pub use registry::Registry;
