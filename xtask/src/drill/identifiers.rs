//! Ids, which no metric may have: there is no end of them.

use uuid::Uuid;

/// In the usual form: 32 digits and four hyphens.
const LENGTH: usize = 36;

/// Whether there is one anywhere in a text.
pub fn has_uuid(text: &str) -> bool {
    let is_one = |window: &[u8]| str::from_utf8(window).is_ok_and(|text| Uuid::try_parse(text).is_ok());
    text.as_bytes().windows(LENGTH).any(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_wherever_it_is() {
        assert!(has_uuid("/v1/orders/0192f0c1-2345-7abc-8def-0123456789ab/cancel"));
        assert!(!has_uuid("/v1/orders/{id}/cancel"));
        assert!(!has_uuid("0192f0c1-2345-7abc-8def-0123456789a"));
    }
}
