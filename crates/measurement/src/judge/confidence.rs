//! How sure a share is.

use crate::number::Exact;

/// The 95 % interval of a share by Wilson's score (E. B. Wilson, Probable Inference, 1927), in percent or as a
/// ratio. `None` unless it is a share: a count out of a count.
pub(super) fn wilson(top: &Exact, bottom: &Exact, unit: &str) -> Option<(Exact, Exact)> {
    let counts = top.to_i64().is_some() && bottom.to_i64().is_some();
    if !counts || bottom.is_zero() || top.is_negative() || top > bottom {
        return None;
    }
    // The 97.5 % point of the normal distribution.
    let z = Exact::ratio(1_959_964, 1_000_000)?;
    let square = z.multiply(&z);
    let share = top.divide(bottom)?;
    let two = Exact::from(2_u64);
    let middle = share.add(&square.divide(&bottom.multiply(&two))?);
    let spread = share.multiply(&Exact::from(1_u64).subtract(&share)).divide(bottom)?;
    let spread = spread.add(&square.divide(&bottom.multiply(bottom).multiply(&two).multiply(&two))?).sqrt()?;
    let scale = Exact::from(1_u64).add(&square.divide(bottom)?);
    let factor = Exact::from(if unit == "percent" { 100_u64 } else { 1 });
    let end = |end: Exact| Some(end.divide(&scale)?.multiply(&factor).cut(6));
    Some((end(middle.subtract(&z.multiply(&spread)))?, end(middle.add(&z.multiply(&spread)))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_of_ten_is_less_sure_than_nine_hundred_of_a_thousand() {
        let shown = |top: i64, bottom: i64| {
            let (top, bottom) = (Exact::from(top), Exact::from(bottom));
            wilson(&top, &bottom, "percent").map(|(low, high)| (low.display(0), high.display(0)))
        };
        let pair = |low: &str, high: &str| Some((low.to_owned(), high.to_owned()));
        assert_eq!(shown(9, 10), pair("60", "98"));
        assert_eq!(shown(900, 1000), pair("88", "92"));
        assert_eq!(shown(5, 5), pair("57", "100"));
        assert_eq!(shown(7, 5), None, "no share");
    }
}
