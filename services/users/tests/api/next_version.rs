//! Two versions side by side on one database: the next one has expanded the schema, and this one goes on working.

use proto::users::v1 as pb;
use sqlx::{Connection, PgConnection, migrate::Migrator};
use users::MIGRATIONS;

use crate::harness::{Person, SECRET, Service};

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
    let app = format!("app-{}", email.split('@').next().unwrap());
    service.add_app(&app).await;
    let code = service.code(&app, email).await;
    let tokens = service.exchange(&app, &code).await.refresh_token();
    let tokens = service.refresh(&app, &tokens).await.refresh_token();
    assert_eq!(service.post("/oauth/revoke", &[("client_id", &app), ("token", &tokens)]).await.status, 200);
}

/// The schema as the version before leaves it.
const BEFORE: i64 = 2;

#[tokio::test]
async fn what_the_version_before_has_written_is_as_good_as_ever() {
    let origin = Service::start().await;
    let ada = origin.person("ada@example.com").await;
    let emptied = "drop schema public cascade; create schema public";
    let mut operator = PgConnection::connect_with(&origin.config.database.database_url).await.unwrap();
    let hash: String = origin.ask("select password_hash from users").await;
    let (key, sealed): (String, Vec<u8>) =
        sqlx::query_as("select id, sealed_key from signing_keys").fetch_one(&mut operator).await.unwrap();
    let old = testkit::private_database(&MIGRATIONS).await;
    let mut operator = PgConnection::connect_with(&old.database_url).await.unwrap();
    sqlx::raw_sql(emptied).execute(&mut operator).await.unwrap();
    let before = Migrator::with_migrations(MIGRATIONS.iter().filter(|it| it.version <= BEFORE).cloned().collect());
    database::migrate(&database::connect(&old).await.unwrap(), &before).await.unwrap();
    let statement = "insert into users (id, email, display_name, password_hash) values ($1::uuid, $2, 'Ada', $3)";
    let insert = sqlx::query(statement).bind(&ada.user.id).bind("ada@example.com").bind(hash);
    insert.execute(&mut operator).await.unwrap();
    let insert = sqlx::query("insert into signing_keys (id, sealed_key) values ($1, $2)").bind(key).bind(sealed);
    insert.execute(&mut operator).await.unwrap();

    let now = Service::start_on(old, SECRET).await.unwrap();
    let same = Person::known(&now, ada.user.clone(), ada.token);
    assert_eq!(same.get(&ada.user.id).await.unwrap().email, "ada@example.com");
    now.sign_in("ada@example.com").await;
    live(&now, "eve@example.com").await;

    // What the version before says while this one runs, also after the next key was made.
    now.sql("update signing_keys set signs_from = signs_from - interval '721 hours'").await;
    let restarted = Service::start_on(now.config.database.clone(), SECRET).await.unwrap();
    while restarted.ask::<i64>("select count(*) from signing_keys").await < 2 {}
    assert_eq!(restarted.ask::<i64>("select count(*) from signing_keys where retired_at is null").await, 1);
    restarted.sql("insert into signing_keys (id, sealed_key) values ('late', 'x') on conflict do nothing").await;
    assert_eq!(restarted.ask::<i64>("select count(*) from signing_keys").await, 2);
}
