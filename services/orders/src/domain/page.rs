//! Pages of a list, each continuing after the last key of the one before.

use super::Violation;

/// How many entries a page has at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(i64);

impl PageSize {
    const DEFAULT: i32 = 20;
    const MAX: i32 = 100;

    pub fn parse(size: Option<i32>) -> Result<Self, Violation> {
        let size = size.unwrap_or(Self::DEFAULT);
        match (1..=Self::MAX).contains(&size) {
            true => Ok(Self(size.into())),
            false => Err(Violation::new("page_size", "must be between 1 and 100")),
        }
    }

    /// One more than fits: whether there is a next page shows in the same query.
    pub fn and_one(self) -> i64 {
        self.0 + 1
    }
}

/// A page and, unless it is the last, the key to continue after.
#[derive(Debug)]
pub struct Page<T, K> {
    pub entries: Vec<T>,
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Of up to [`PageSize::and_one`] entries.
    pub fn new(mut entries: Vec<T>, size: PageSize, key: impl Fn(&T) -> K) -> Self {
        let full = usize::try_from(size.0).unwrap_or(usize::MAX);
        let more = entries.len() > full;
        entries.truncate(full);
        let next = entries.last().filter(|_| more).map(key);
        Self { entries, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_1_to_100_entries_and_20_when_nobody_says() {
        for (size, acceptable) in [(-1, false), (0, false), (1, true), (100, true), (101, false)] {
            assert_eq!(PageSize::parse(Some(size)).is_ok(), acceptable, "{size}");
        }
        assert_eq!(PageSize::parse(None), PageSize::parse(Some(20)));
    }

    #[test]
    fn only_a_page_with_something_after_it_has_a_next() {
        let size = PageSize::parse(Some(2)).unwrap();
        let page = |entries: Vec<i32>| Page::new(entries, size, |entry| *entry);
        assert_eq!(page(vec![1, 2, 3]).next, Some(2));
        assert_eq!(page(vec![1, 2, 3]).entries, [1, 2]);
        assert_eq!(page(vec![1, 2]).next, None);
        assert_eq!(page(vec![]).next, None);
    }
}
