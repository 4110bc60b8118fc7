//! What went wrong, in one line for a log.

use std::{any::Any, error::Error, iter::successors};

/// An error and its causes.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What a panic said.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panic: {}", text.unwrap_or_else(|| "without a message".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_says_what_it_was_told() {
        assert_eq!(panic_message(&"text"), "panic: text");
        assert_eq!(panic_message(&"text".to_owned()), "panic: text");
        assert_eq!(panic_message(&7), "panic: without a message");
    }
}
