//! Settings that change while a process runs.

use std::{collections::BTreeMap, fmt, sync::Arc};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What is set, by name.
pub(crate) type Values = Arc<BTreeMap<String, Vec<u8>>>;

/// The live settings of one service.
pub struct Live {
    service: String,
    values: watch::Receiver<Values>,
    tasks: CancellationToken,
}

impl Live {
    pub(crate) fn new(service: &str, values: watch::Receiver<Values>, tasks: CancellationToken) -> Self {
        Self { service: service.to_owned(), values, tasks }
    }

    /// Calls `apply` with the setting's text whenever it is another, and with `None` when it is no longer set: then the
    /// process's own setting holds again. What is no text, or one that `apply` refuses, changes nothing; a warning says
    /// why.
    pub fn follow<E: fmt::Display>(
        &self,
        name: &'static str,
        apply: impl Fn(Option<&str>) -> Result<(), E> + Send + Sync + 'static,
    ) {
        let (service, mut values) = (self.service.clone(), self.values.clone());
        let follow = async move {
            let mut last = None;
            while values.changed().await.is_ok() {
                let value = values.borrow_and_update().get(name).cloned();
                if value == last {
                    continue;
                }
                let text = value.as_deref().map(String::from_utf8_lossy);
                let text = text.as_deref();
                match try_on(value.as_deref(), &apply) {
                    Ok(()) => tracing::info!(service, setting = name, value = text, "a setting has changed"),
                    Err(error) => {
                        tracing::warn!(
                            service,
                            setting = name,
                            value = text,
                            error,
                            "a setting is wrong; the last good one stays"
                        );
                    }
                }
                last = value;
            }
        };
        tokio::spawn(self.tasks.clone().run_until_cancelled_owned(follow));
    }
}

/// Errors: why the value is not taken.
fn try_on<E: fmt::Display>(value: Option<&[u8]>, apply: impl Fn(Option<&str>) -> Result<(), E>) -> Result<(), String> {
    let text = value.map(str::from_utf8).transpose().map_err(|error| error.to_string())?;
    apply(text).map_err(|error| error.to_string())
}
