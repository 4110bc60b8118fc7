//! The context that a client's own trace goes on with: <https://www.w3.org/TR/trace-context/#traceparent-header>.

use uuid::Uuid;

pub struct Context {
    pub trace: String,
    /// The span of the client's own.
    pub span: String,
}

impl Context {
    pub fn new() -> Self {
        // Twice as long as a span's id; random in all bits but six.
        let [trace, span] = [(), ()].map(|()| Uuid::new_v4().simple().to_string());
        Self { trace, span: span[16..].to_owned() }
    }

    pub fn sampled(&self) -> String {
        format!("00-{}-{}-01", self.trace, self.span)
    }

    pub fn unsampled(&self) -> String {
        format!("00-{}-{}-00", self.trace, self.span)
    }
}
