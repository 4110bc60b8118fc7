//! The mesh's certificate authority: what it is trusted by, and what it signs.

use std::time::Duration;

use consul::Query;

use crate::harness::start;

#[tokio::test]
async fn the_roots_have_a_trust_domain_and_one_that_signs() {
    let Some((_consul, client)) = start().await else { return };
    let roots = client.connect().roots(&Query::default()).await.unwrap().value;
    assert!(roots.trust_domain.ends_with(".consul"), "{roots:?}");
    let active = roots.roots.iter().find(|it| it.is_active).unwrap();
    assert_eq!(active.id, roots.active_root_id);
    assert!(active.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(client.connect().agent_roots(&Query::default()).await.unwrap().value, roots);
}

#[tokio::test]
async fn a_leaf_proves_a_service_and_hides_its_key() {
    let Some((_consul, client)) = start().await else { return };
    let trust_domain = client.connect().roots(&Query::default()).await.unwrap().value.trust_domain;
    let leaf = client.connect().leaf("web", &Query::default()).await.unwrap().value;
    assert_eq!(leaf.service, "web");
    assert!(leaf.service_uri.starts_with(&format!("spiffe://{trust_domain}/")), "{}", leaf.service_uri);
    assert!(leaf.service_uri.ends_with("/svc/web"), "{}", leaf.service_uri);
    assert!(leaf.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(leaf.private_key.expose().contains("PRIVATE KEY-----"));
    assert!(leaf.valid_after < leaf.valid_before);
    assert!(!format!("{leaf:?}").contains("PRIVATE KEY"));
}

#[tokio::test]
async fn a_query_for_a_leaf_waits_for_the_next_one() {
    let Some((_consul, client)) = start().await else { return };
    let query = Query { wait: Duration::from_millis(100), ..Query::default() };
    let first = client.connect().leaf("web", &query).await.unwrap();
    let next = client.connect().leaf("web", &query.after(&first)).await.unwrap();
    assert_eq!(next.value.certificate, first.value.certificate, "nothing has changed");
    assert_eq!(next.index, first.index);
}
