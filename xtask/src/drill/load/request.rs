//! What customers do, and in what proportions.

use reqwest::{
    Method, StatusCode,
    header::{HeaderMap, HeaderValue},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Kind, clientele::Customer};

/// Percentages of what is done.
pub type Mix = &'static [(Activity, usize)];

/// The shop on an ordinary day; signing up is rare, since a password takes a core for a while.
pub const SHOPPING: Mix = &[
    (Activity::Browse, 15),
    (Activity::LookAtProduct, 20),
    (Activity::SeeAccount, 20),
    (Activity::SeeOrder, 14),
    (Activity::ListOrders, 10),
    (Activity::PlaceOrder, 13),
    (Activity::CancelOrder, 7),
    (Activity::SignUp, 1),
];

/// Mostly what users answers, beside a little of what orders does, which asks it now and then.
pub const ACCOUNTS: Mix = &[
    (Activity::SeeAccount, 80),
    (Activity::LookAtProduct, 4),
    (Activity::SeeOrder, 4),
    (Activity::ListOrders, 4),
    (Activity::PlaceOrder, 8),
];

/// What is asked most often, and of orders only.
pub const LOOKING: Mix = &[(Activity::LookAtProduct, 100)];

/// Nothing but orders.
pub const ORDERING: Mix = &[(Activity::PlaceOrder, 100)];

/// One call of users a request, and nothing else.
pub const ACCOUNTS_ONLY: Mix = &[(Activity::SeeAccount, 100)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    Browse,
    LookAtProduct,
    SeeAccount,
    SeeOrder,
    ListOrders,
    PlaceOrder,
    CancelOrder,
    SignUp,
}

/// Dearly wanted, and each behind a row lock of its own.
const SKUS: [&str; 8] =
    ["BOX-OAK", "HOOK-OAK", "CHAIR-ASH", "TABLE-OAK", "SHELF-PINE", "DOWEL-BEECH", "RACK-MAPLE", "STOOL-LARCH"];

impl Activity {
    /// What the request of this number is: every hundred in a row have the shares of the mix.
    pub fn of(mix: Mix, number: usize) -> Self {
        // 37 and 100 have no common divisor: every percent comes once, and neighbours are far apart.
        let mut percent = number * 37 % 100;
        for (activity, share) in mix {
            match percent.checked_sub(*share) {
                Some(rest) => percent = rest,
                None => return *activity,
            }
        }
        mix[0].0
    }
}

#[derive(Clone, Debug)]
pub struct Request {
    pub kind: Kind,
    pub method: Method,
    pub path: String,
    pub token: Option<String>,
    pub idempotency_key: Option<String>,
    /// Those beside the ones above.
    pub headers: HeaderMap,
    pub body: Option<Value>,
    /// What is answered when all is well.
    pub hoped_for: StatusCode,
}

impl Request {
    pub fn new(activity: Activity, customer: &Customer, number: usize) -> Self {
        let sku = SKUS[number % SKUS.len()];
        match activity {
            Activity::Browse => Self::get("/v1/products?page_size=20"),
            Activity::LookAtProduct => Self::get(format!("/v1/products/{sku}")),
            Activity::SeeAccount => Self::get(format!("/v1/users/{}", customer.id)).by(customer),
            Activity::SeeOrder => match customer.latest_order() {
                Some(id) => Self::get(format!("/v1/orders/{id}")).by(customer),
                None => Self::new(Activity::ListOrders, customer, number),
            },
            Activity::ListOrders => Self::get(format!("/v1/users/{}/orders", customer.id)).by(customer),
            Activity::PlaceOrder => Self::place(sku).by(customer),
            Activity::CancelOrder => match customer.take_order() {
                Some(id) => Self::cancel(&id).by(customer),
                None => Self::new(Activity::PlaceOrder, customer, number),
            },
            Activity::SignUp => Self::sign_up(&new_email()),
        }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self {
            kind: Kind::Read,
            method: Method::GET,
            path: path.into(),
            token: None,
            idempotency_key: None,
            headers: HeaderMap::new(),
            body: None,
            hoped_for: StatusCode::OK,
        }
    }

    pub fn place(sku: &str) -> Self {
        let body = json!({ "items": [{ "sku": sku, "quantity": 1 }] });
        let key = Some(Uuid::now_v7().to_string());
        Self { kind: Kind::KeyedWrite, idempotency_key: key, ..Self::post("/v1/orders", Some(body)) }
    }

    pub fn sign_up(email: &str) -> Self {
        let body = json!({ "email": email, "display_name": "Ada", "password": PASSWORD });
        Self::post("/v1/users", Some(body))
    }

    pub fn sign_in(email: &str) -> Self {
        Self::post("/v1/sessions", Some(json!({ "email": email, "password": PASSWORD })))
    }

    pub fn cancel(id: &str) -> Self {
        Self { hoped_for: StatusCode::OK, ..Self::post(format!("/v1/orders/{id}/cancel"), None) }
    }

    pub fn post(path: impl Into<String>, body: Option<Value>) -> Self {
        let (kind, hoped_for) = (Kind::Write, StatusCode::CREATED);
        Self { kind, method: Method::POST, body, hoped_for, ..Self::get(path) }
    }

    pub fn by(self, customer: &Customer) -> Self {
        Self { token: Some(customer.token.clone()), ..self }
    }

    /// With a header more, which may be anything that can be sent.
    pub fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a drill knows what can be sent");
        self.headers.append(name, value);
        self
    }

    /// Whether it may be sent again when nobody knows whether it arrived.
    pub fn may_be_repeated(&self) -> bool {
        self.kind != Kind::Write
    }
}

/// Everybody's.
pub const PASSWORD: &str = "correct horse";

/// Of nobody who has signed up before.
pub fn new_email() -> String {
    format!("{}@example.com", Uuid::now_v7())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hundred_requests_have_the_shares_of_their_mix() {
        for mix in [SHOPPING, ACCOUNTS, ACCOUNTS_ONLY, ORDERING] {
            for (activity, share) in mix {
                let of_it = (100..200).filter(|number| Activity::of(mix, *number) == *activity);
                assert_eq!(of_it.count(), *share, "{activity:?}");
            }
            assert_eq!(mix.iter().map(|(_, share)| share).sum::<usize>(), 100);
        }
    }
}
