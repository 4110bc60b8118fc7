//! Money: exact, of one currency, never negative.

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

/// An amount in minor units of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    amount: i64,
    currency: Currency,
}

impl Money {
    pub fn parse(amount: i64, currency: Currency) -> Result<Self, Violation> {
        match amount >= 0 {
            true => Ok(Self { amount, currency }),
            false => Err(Violation::new("amount", "must not be negative")),
        }
    }

    pub fn amount(&self) -> i64 {
        self.amount
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!(Currency::parse("EUR").unwrap().as_str(), "EUR");
        for nonsense in ["", "EU", "EURO", "eur", "E1R", "€"] {
            assert!(Currency::parse(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn nobody_is_paid_for_an_order() {
        let eur = Currency::parse("EUR").unwrap();
        assert_eq!(Money::parse(0, eur).unwrap().amount(), 0);
        assert!(Money::parse(-1, eur).is_err());
    }
}
