//! Rates of exchange by day: amounts in several currencies become one sum only by a rate that somebody stated.

use std::{collections::BTreeMap, sync::Arc};

use crate::{number::Exact, time::Timestamp};

/// Rates to one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// The currency that amounts are converted to, ISO 4217.
    pub currency: String,
    /// From an instant on: one unit of each currency in [`Rates::currency`].
    pub from: BTreeMap<Timestamp, BTreeMap<String, Exact>>,
}

/// Shared by the expressions that convert.
pub type SharedRates = Arc<Rates>;

impl Rates {
    /// An amount in [`Rates::currency`] at the rate of its day; `None` where no rate was stated.
    pub fn convert(&self, amount: &Exact, currency: &str, at: Timestamp) -> Option<Exact> {
        if currency == self.currency {
            return Some(amount.clone());
        }
        let stated = self.from.range(..=at).rev().find_map(|(_, rates)| rates.get(currency));
        stated.map(|rate| amount.multiply(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_the_day_holds() {
        let day = |text: &str| Timestamp::parse(text).unwrap();
        let rate = |text: &str| BTreeMap::from([("EUR".to_owned(), Exact::from_decimal(text).unwrap())]);
        let rates = Rates {
            currency: "CHF".to_owned(),
            from: BTreeMap::from([
                (day("2026-01-01T00:00:00Z"), rate("0.95")),
                (day("2026-07-01T00:00:00Z"), rate("0.9")),
            ]),
        };
        let converted =
            |currency, at| rates.convert(&Exact::from(100_i64), currency, day(at)).map(|sum| sum.display(2));
        assert_eq!(converted("CHF", "2020-01-01T00:00:00Z").as_deref(), Some("100"));
        assert_eq!(converted("EUR", "2026-06-30T23:59:59Z").as_deref(), Some("95"));
        assert_eq!(converted("EUR", "2026-07-01T00:00:00Z").as_deref(), Some("90"));
        assert_eq!(converted("EUR", "2025-12-31T23:59:59Z"), None);
        assert_eq!(converted("JPY", "2026-07-01T00:00:00Z"), None);
    }
}
