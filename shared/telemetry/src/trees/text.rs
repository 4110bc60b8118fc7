//! Text of other people's making, fit for one line of a terminal.

/// In characters; no line has room for more.
const LONGEST: usize = 120;

/// Names and descriptions can come from a request, and so can what steers the terminal.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if steers_terminals(c) { ' ' } else { c }).take(LONGEST).collect()
}

fn steers_terminals(c: char) -> bool {
    // Beside the control characters: what is invisible, breaks lines or turns the direction of writing.
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Not wider than this.
pub(super) fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        assert_eq!(harmless("a\x1b[31mb\r\nc\u{9b}d\u{202e}e\u{7f}"), "a [31mb  c d e ");
    }

    #[test]
    fn other_people_cannot_fill_the_memory() {
        assert_eq!(harmless(&"é".repeat(1000)).chars().count(), LONGEST);
    }

    #[test]
    fn what_is_too_wide_ends_in_an_ellipsis() {
        assert_eq!(shortened("größer", 6), "größer");
        assert_eq!(shortened("größer", 5), "größ…");
    }
}
