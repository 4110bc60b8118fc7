//! What every answer tells a browser that it must not do with it.

use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{
            AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, SERVER, STRICT_TRANSPORT_SECURITY,
            X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
        uri::Scheme,
    },
    response::Response,
};
use rpc::middleware::Passage;

/// An answer of the API is data: whatever a browser takes it for, it loads nothing and is shown in no frame.
const OF_DATA: &str = "default-src 'none'; frame-ancestors 'none'";

/// The page at `/docs` has files of its own only. Its scripts write styles and pictures into it.
const OF_THE_PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                           img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                           frame-ancestors 'none'";

/// A year. Of other hosts below ours we know nothing.
const TLS_ONLY: &str = "max-age=31536000";

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What tells which program answers, and of what version, helps nobody but who looks for its holes.
const TELLTALES: [HeaderName; 2] = [SERVER, HeaderName::from_static("x-powered-by")];

/// The layer. A page of a service that is reached through us knows better what it needs, and may say so itself.
pub fn protect(request: Request) -> Passage<impl FnOnce(Response) -> Response> {
    let is_page = request.uri().path().starts_with("/docs");
    let is_of_somebody = request.headers().contains_key(AUTHORIZATION);
    let is_over_tls = request.extensions().get() == Some(&Scheme::HTTPS);
    let tell = move |mut response: Response| {
        let headers = response.headers_mut();
        for name in &TELLTALES {
            headers.remove(name);
        }
        set(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(headers, X_FRAME_OPTIONS, "DENY");
        set(headers, REFERRER_POLICY, "no-referrer");
        set(headers, CONTENT_SECURITY_POLICY, if is_page { OF_THE_PAGE } else { OF_DATA });
        // Pages of allowed origins call by CORS, which this does not concern.
        set(headers, CROSS_ORIGIN_RESOURCE_POLICY, "same-origin");
        if is_of_somebody {
            // What one person is told is nothing for a cache.
            set(headers, CACHE_CONTROL, "no-store");
        }
        if is_over_tls {
            // Without TLS it would have no effect (RFC 6797, section 7.2).
            set(headers, STRICT_TRANSPORT_SECURITY, TLS_ONLY);
        }
        response
    };
    Ok((request, tell))
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}
