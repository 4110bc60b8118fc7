//! Two versions side by side on one database: the next one has expanded the schema, and this one goes on working.

use proto::users::v1 as pb;
use users::MIGRATIONS;

use crate::harness::{SECRET, Service};

/// What a next version may do to tables that this one is using: expand, and leave contracting to the one after.
const EXPANDED: &str = "
    alter table users add column phone text;
    alter table signing_keys add column purpose text not null default 'access';
    create index users_by_age on users (created_at);
";

#[tokio::test]
async fn this_version_works_on_while_the_next_one_starts_and_starts_again_beside_it() {
    let running = Service::start().await;
    // Its statements are prepared for the tables as they were.
    live(&running, "before@example.com").await;

    testkit::migrate_ahead(&running.config.database, &MIGRATIONS, EXPANDED).await;
    live(&running, "during@example.com").await;

    let restarted = Service::start_on(running.config.database.clone(), SECRET).await.unwrap();
    live(&restarted, "after@example.com").await;
    restarted.sign_in("before@example.com").await;
}

/// Every statement of the service.
async fn live(service: &Service, email: &str) {
    let person = service.person(email).await;
    let renamed = pb::User { display_name: "Countess".to_owned(), ..Default::default() };
    let changed = person.update(&person.user.id, renamed, &["display_name"], &person.user.etag).await.unwrap();
    assert_eq!(person.get(&person.user.id).await.unwrap(), changed);
    let short_lived = service.person(&format!("former-{email}")).await;
    short_lived.delete(&short_lived.user.id).await.unwrap();
}
