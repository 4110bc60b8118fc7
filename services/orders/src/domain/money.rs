//! Money: exact, of one currency, never more than can be counted.

use std::fmt;

use super::Violation;

/// ISO 4217: three capital letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency([u8; 3]);

impl Currency {
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let letters: Option<[u8; 3]> = text.as_bytes().try_into().ok();
        letters
            .filter(|letters| letters.iter().all(u8::is_ascii_uppercase))
            .map(Self)
            .ok_or_else(|| Violation::new("currency", "must be three capital letters"))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("capital letters are UTF-8")
    }
}

/// An amount in minor units of its currency, not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    amount: i64,
    currency: Currency,
}

impl Money {
    /// The largest integer that every JSON reader holds exactly (RFC 8259, section 6): 2^53 - 1.
    pub const MAX: i64 = 9_007_199_254_740_991;

    pub fn parse(amount: i64, currency: Currency) -> Result<Self, Violation> {
        match (0..=Self::MAX).contains(&amount) {
            true => Ok(Self { amount, currency }),
            false => Err(Violation::new("amount", "must be between 0 and 9007199254740991")),
        }
    }

    pub fn amount(&self) -> i64 {
        self.amount
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// `None` where it cannot be counted any more.
    pub fn times(self, quantity: i64) -> Option<Self> {
        Self::parse(self.amount.checked_mul(quantity)?, self.currency).ok()
    }

    /// `None` where the currencies differ, or where it cannot be counted any more.
    pub fn plus(self, other: Self) -> Option<Self> {
        let amount = self.amount.checked_add(other.amount).filter(|_| self.currency == other.currency)?;
        Self::parse(amount, self.currency).ok()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eur(amount: i64) -> Money {
        Money::parse(amount, Currency::parse("EUR").unwrap()).unwrap()
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!(Currency::parse("EUR").unwrap().as_str(), "EUR");
        for nonsense in ["", "EU", "EURO", "eur", "E1R", "€"] {
            assert!(Currency::parse(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn currencies_do_not_mix() {
        let usd = Money::parse(1, Currency::parse("USD").unwrap()).unwrap();
        assert_eq!(eur(1).plus(usd), None);
    }

    #[test]
    fn what_cannot_be_counted_is_nothing() {
        assert_eq!(eur(Money::MAX).plus(eur(1)), None);
        assert_eq!(eur(Money::MAX).times(2), None);
        assert_eq!(eur(1).times(-1), None);
        assert!(Money::parse(-1, Currency::parse("EUR").unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn multiplying_is_adding_again_and_again(amount in 0..1_000_000i64, quantity in 1..50i64) {
            let added = (1..quantity).try_fold(eur(amount), |sum, _| sum.plus(eur(amount)));
            prop_assert_eq!(eur(amount).times(quantity), added);
        }
    }
}
