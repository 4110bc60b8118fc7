//! Accounts that were there a moment ago: users is not asked for them again at each order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use events::Listener;
use moka::future::Cache;
use tokio_util::sync::CancellationToken;

use crate::domain::UserId;

/// How long an answer is believed whose end nobody tells, since the bus is away. An access token is believed for five
/// minutes.
const BELIEVED_FOR: Duration = Duration::from_secs(10);

/// Some megabytes. More are asked for more often.
const MAX: u64 = 100_000;

/// Those that were there. Copies share them.
#[derive(Clone)]
pub struct Accounts {
    there: Cache<UserId, ()>,
    /// How often something was forgotten.
    forgotten: Arc<AtomicU64>,
}

impl Accounts {
    pub fn new() -> Self {
        Self::believed_for(BELIEVED_FOR)
    }

    fn believed_for(time: Duration) -> Self {
        // From the answer on, however often it is made use of.
        let there = Cache::builder().max_capacity(MAX).time_to_live(time).build();
        Self { there, forgotten: Arc::default() }
    }

    /// Asks whether an account is there, unless that is believed; of many who want to know it at once, one asks. What is
    /// believed is that it is there, and nothing else.
    ///
    /// Errors: the answer, which all of them get.
    pub async fn confirm<E>(&self, id: UserId, ask: impl Future<Output = Result<(), E>>) -> Result<(), Arc<E>>
    where
        E: Send + Sync + 'static,
    {
        let before = self.forgotten.load(Ordering::SeqCst);
        self.there.try_get_with(id, ask).await?;
        // What was heard in the meantime may be newer than the answer.
        if self.forgotten.load(Ordering::SeqCst) != before {
            self.there.invalidate(&id).await;
        }
        Ok(())
    }

    /// Forgets the accounts to which something has happened, until `shutdown`.
    pub async fn listen(self, listener: Listener, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.hear(listener)).await;
    }

    async fn hear(&self, mut listener: Listener) {
        loop {
            match listener.next().await {
                Some(event) => self.forget(UserId(event.subject)).await,
                // It may have been anybody.
                None => self.forget_all(),
            }
        }
    }

    async fn forget(&self, id: UserId) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.there.invalidate(&id).await;
    }

    fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.there.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use events::{Bus, Envelope};
    use futures::future::join_all;
    use proto::users::v1::UserDeleted;
    use tokio::{
        task::{JoinHandle, yield_now},
        time::timeout,
    };
    use uuid::Uuid;

    use super::*;

    fn somebody() -> UserId {
        UserId(Uuid::now_v7())
    }

    /// Counts how often it is asked.
    #[derive(Default)]
    struct Users(AtomicUsize);

    impl Users {
        async fn ask(&self) -> Result<(), &'static str> {
            self.0.fetch_add(1, Ordering::SeqCst);
            yield_now().await;
            Ok(())
        }

        fn asked(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }

        /// Waits until it was asked so often by somebody who wants to know again and again.
        async fn asked_times(&self, times: usize, accounts: &Accounts, id: UserId) {
            let asking = async {
                while self.asked() < times {
                    accounts.confirm(id, self.ask()).await.unwrap();
                    yield_now().await;
                }
            };
            timeout(BELIEVED_FOR / 2, asking).await.expect("it is believed for too long");
        }
    }

    /// What hears of events on this bus.
    fn listen(accounts: &Accounts, bus: &Bus) -> JoinHandle<()> {
        tokio::spawn(accounts.clone().listen(bus.listen("users.v1"), CancellationToken::new()))
    }

    async fn tell(bus: &Bus, id: UserId) {
        let gone = UserDeleted { user_id: id.to_string() };
        assert!(bus.publish(vec![Envelope::of("users", id.0, &gone)]).await[0].is_ok());
    }

    #[tokio::test]
    async fn of_many_at_once_one_asks_and_later_nobody() {
        let (accounts, users, ada) = (Accounts::new(), Users::default(), somebody());
        for _ in 0..2 {
            let answers = join_all((0..10).map(|_| accounts.confirm(ada, users.ask()))).await;
            assert!(answers.iter().all(Result::is_ok));
            assert_eq!(users.asked(), 1);
        }
        accounts.confirm(somebody(), users.ask()).await.unwrap();
        assert_eq!(users.asked(), 2);
    }

    #[tokio::test]
    async fn that_an_account_is_not_there_is_never_believed() {
        let (accounts, users, ada) = (Accounts::new(), Users::default(), somebody());
        let answer = accounts.confirm(ada, async { Err("nobody") }).await;
        assert_eq!(answer, Err(Arc::new("nobody")));
        users.asked_times(1, &accounts, ada).await;
    }

    #[tokio::test]
    async fn whoever_asks_first_may_give_up() {
        let (accounts, users, ada) = (Accounts::new(), Users::default(), somebody());
        let first =
            timeout(Duration::from_millis(1), accounts.confirm(ada, std::future::pending::<Result<(), &str>>()));
        let (first, second) = futures::join!(first, accounts.confirm(ada, users.ask()));
        assert!(first.is_err() && second.is_ok());
        assert_eq!(users.asked(), 1);
    }

    #[tokio::test]
    async fn it_is_asked_again_after_a_while_however_often_it_was_believed() {
        let (accounts, users, ada) = (Accounts::believed_for(Duration::from_millis(20)), Users::default(), somebody());
        users.asked_times(3, &accounts, ada).await;
    }

    #[tokio::test]
    async fn whoever_is_heard_of_is_asked_for_again_and_nobody_else() {
        let (accounts, bus) = (Accounts::new(), Bus::in_process(&[]));
        let (ada, eve) = (somebody(), somebody());
        let (of_ada, of_eve) = (Users::default(), Users::default());
        let listening = listen(&accounts, &bus);
        accounts.confirm(ada, of_ada.ask()).await.unwrap();
        accounts.confirm(eve, of_eve.ask()).await.unwrap();
        tell(&bus, ada).await;
        of_ada.asked_times(2, &accounts, ada).await;
        accounts.confirm(eve, of_eve.ask()).await.unwrap();
        assert_eq!(of_eve.asked(), 1);
        listening.abort();
    }

    #[tokio::test]
    async fn what_is_heard_while_users_is_asked_is_newer_than_its_answer() {
        let (accounts, users, ada) = (Accounts::new(), Users::default(), somebody());
        let ask = async {
            users.ask().await?;
            accounts.forget(ada).await;
            Ok::<_, &str>(())
        };
        accounts.confirm(ada, ask).await.unwrap();
        accounts.confirm(ada, users.ask()).await.unwrap();
        assert_eq!(users.asked(), 2);
    }

    #[tokio::test]
    async fn where_something_was_missed_everybody_is_asked_for_again() {
        let (accounts, users, bus) = (Accounts::new(), Users::default(), Bus::in_process(&[]));
        let (ada, listener) = (somebody(), bus.listen("users.v1"));
        accounts.confirm(ada, users.ask()).await.unwrap();
        // More than a listener can be behind with.
        for _ in 0..2000 {
            tell(&bus, somebody()).await;
        }
        let listening = tokio::spawn(accounts.clone().listen(listener, CancellationToken::new()));
        users.asked_times(2, &accounts, ada).await;
        listening.abort();
    }
}
