//! Issuers that are not ours: believed for what the settings say, and for no more.

use identity::{Caller, Error, Issuer, Outside, OutsideIssuer, Verifier};
use serde_json::{Value, json};

use crate::{
    forge::{Key, but, now, set},
    published::{Answer, Published},
};

const OURS: &str = "http://issuer";

/// An outside issuer, as it is called.
struct Outsider {
    name: String,
    published: Published,
}

impl Outsider {
    async fn new(name: &str, key: Key) -> Self {
        Self { name: name.to_owned(), published: Published::with(key).await }
    }

    fn setting(&self) -> OutsideIssuer {
        let (name, address) = (&self.name, self.published.address);
        let algorithm = self.published.key.algorithm();
        let setting = format!(
            "issuer={name} jwks=http://{address}/keys audience=our-shop algorithm={algorithm} scopes=orders:read,users:read"
        );
        setting.parse().unwrap()
    }

    fn claims(&self) -> Value {
        let scope = "orders:read orders:write profile";
        json!({
            "iss": self.name, "sub": "auth0|ada", "aud": ["https://userinfo.example", "our-shop"], "exp": now() + 60,
            "azp": "their-app", "scope": scope,
        })
    }

    fn bearer(&self, claims: &Value) -> String {
        let header = json!({"alg": self.published.key.algorithm(), "typ": "at+jwt", "kid": "key"});
        format!("Bearer {}", self.published.key.token(&header, claims))
    }
}

/// Believes our own issuer, which has this key, and these.
fn verifier(ours: &Key, outsiders: &[&Outsider]) -> Verifier {
    let issuer = Issuer { token_issuer: OURS.to_owned(), token_audience: "shop".to_owned() };
    let outsiders: Vec<_> = outsiders.iter().map(|outsider| outsider.setting()).collect();
    Verifier::of_issuer(&issuer, &set(&[ours.jwk("key")])).believing(&outsiders).unwrap()
}

async fn verify(outsider: &Outsider, claims: &Value) -> Result<Caller, Error> {
    verifier(&Key::es256(), &[outsider]).verify(&outsider.bearer(claims)).await
}

async fn is_a_person(key: Key) {
    let outsider = Outsider::new("https://id.example", key).await;
    let caller = verify(&outsider, &outsider.claims()).await.unwrap();
    let person = Outside { issuer: "https://id.example".to_owned(), subject: "auth0|ada".to_owned() };
    assert_eq!((caller.outside(), caller.user()), (Some(&person), Some(person.account())));
    assert_eq!((caller.client_id(), caller.scopes().to_string().as_str()), ("their-app", "orders:read"));
}

#[tokio::test]
async fn a_token_signed_by_rs256_is_good() {
    is_a_person(Key::rs256()).await;
}

#[tokio::test]
async fn a_token_signed_by_ed_dsa_is_good() {
    is_a_person(Key::ed_dsa()).await;
}

#[tokio::test]
async fn a_token_signed_by_es256_is_good() {
    is_a_person(Key::es256()).await;
}

#[tokio::test]
async fn a_token_by_another_algorithm_than_the_settings_say_is_refused() {
    let outsider = Outsider::new("https://id.example", Key::rs256()).await;
    for other in [Key::es256(), Key::ed_dsa()] {
        outsider.published.answers(Answer::Keys(vec![outsider.published.key.jwk("key"), other.jwk("other")]));
        let verifier = verifier(&Key::es256(), &[&outsider]);
        assert!(verifier.verify(&outsider.bearer(&outsider.claims())).await.is_ok());
        let header = json!({"alg": other.algorithm(), "typ": "at+jwt", "kid": "other"});
        let token = other.token(&header, &outsider.claims());
        assert!(matches!(verifier.verify(&format!("Bearer {token}")).await, Err(Error::Invalid)));
    }
}

#[tokio::test]
async fn nobody_outside_can_speak_in_our_name() {
    let (ours, outsider) = (Key::es256(), Outsider::new("https://id.example", Key::es256()).await);
    let verifier = verifier(&ours, &[&outsider]);
    for audience in ["shop", "our-shop"] {
        let claims = but(&outsider.claims(), json!({"iss": OURS, "aud": audience}));
        assert!(matches!(verifier.verify(&outsider.bearer(&claims)).await, Err(Error::Invalid)));
    }
}

#[tokio::test]
async fn we_do_not_speak_in_the_name_of_others() {
    let (ours, outsider) = (Key::es256(), Outsider::new("https://id.example", Key::es256()).await);
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "key"});
    let token = ours.token(&header, &outsider.claims());
    let answer = verifier(&ours, &[&outsider]).verify(&format!("Bearer {token}")).await;
    assert!(matches!(answer, Err(Error::Invalid)));
}

#[tokio::test]
async fn a_token_of_one_issuer_signed_by_another_is_refused() {
    let one = Outsider::new("https://one.example", Key::rs256()).await;
    let other = Outsider::new("https://other.example", Key::rs256()).await;
    let verifier = verifier(&Key::es256(), &[&one, &other]);
    assert!(verifier.verify(&one.bearer(&one.claims())).await.is_ok());
    assert!(verifier.verify(&other.bearer(&other.claims())).await.is_ok());
    assert!(matches!(verifier.verify(&other.bearer(&one.claims())).await, Err(Error::Invalid)));
}

#[tokio::test]
async fn nobody_outside_can_make_administrators() {
    let outsider = Outsider::new("https://id.example", Key::es256()).await;
    let claims = but(&outsider.claims(), json!({"scope": "admin users:write users:read"}));
    let caller = verify(&outsider, &claims).await.unwrap();
    assert_eq!(caller.scopes().to_string(), "users:read");
}

#[tokio::test]
async fn a_token_for_another_program_of_theirs_is_refused() {
    let outsider = Outsider::new("https://id.example", Key::es256()).await;
    for audience in [json!("shop"), json!(["bank"]), json!(null)] {
        let claims = but(&outsider.claims(), json!({ "aud": audience }));
        assert!(matches!(verify(&outsider, &claims).await, Err(Error::Invalid)));
    }
}

#[tokio::test]
async fn an_account_of_ours_cannot_be_claimed_from_outside() {
    let outsider = Outsider::new("https://id.example", Key::es256()).await;
    let ours = "0190163d-8694-739b-aea5-966c26f8ad91";
    for subject in [ours.to_owned(), ours.to_uppercase(), format!(" {ours}")] {
        let caller = verify(&outsider, &but(&outsider.claims(), json!({ "sub": subject }))).await.unwrap();
        let id = caller.user().unwrap();
        assert_ne!(id.to_string(), ours);
        assert_eq!(id.get_version_num(), 5);
    }
}

#[tokio::test]
async fn a_program_that_acts_in_its_own_name_out_there_is_none_of_ours() {
    let outsider = Outsider::new("https://id.example", Key::es256()).await;
    let claims = but(&outsider.claims(), json!({"sub": "their-app", "client_id": "their-app"}));
    assert!(verify(&outsider, &claims).await.unwrap().outside().is_some());
}

#[tokio::test]
async fn a_name_for_a_person_or_a_program_is_short_and_readable() {
    let outsider = Outsider::new("https://id.example", Key::es256()).await;
    for subject in ["", "a\u{0}b", "a\nb", "\u{e9}", &"a".repeat(256)] {
        let claims = but(&outsider.claims(), json!({ "sub": subject }));
        assert!(matches!(verify(&outsider, &claims).await, Err(Error::Invalid)), "{subject:?}");
    }
    for program in ["a\nb", "\u{e9}", &"a".repeat(256)] {
        let claims = but(&outsider.claims(), json!({ "client_id": program }));
        assert!(matches!(verify(&outsider, &claims).await, Err(Error::Invalid)), "{program:?}");
    }
    let longest = but(&outsider.claims(), json!({ "sub": "a".repeat(255) }));
    assert!(verify(&outsider, &longest).await.is_ok());
}

#[tokio::test]
async fn two_issuers_of_one_name_are_a_mistake() {
    let issuer = Issuer { token_issuer: OURS.to_owned(), token_audience: "shop".to_owned() };
    let (ours, theirs) = (Outsider::new(OURS, Key::es256()).await, Outsider::new("a", Key::es256()).await);
    for settings in [vec![ours.setting()], vec![theirs.setting(), theirs.setting()]] {
        let verifier = Verifier::of_issuer(&issuer, &set(&[]));
        let problem = verifier.believing(&settings).err().unwrap().to_string();
        assert!(problem.contains("two issuers have the name"), "{problem}");
    }
}
