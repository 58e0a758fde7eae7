//! Groups, numbered: the declared values of the dimensions of a construct, and `other`.

use measurement::{catalogue::Dimension, value::Value};

/// The group of an event or row: the declared value of each dimension, or `other`, numbered in one integer. Numbers
/// and bools are named by their plain texts.
pub(crate) fn group_of<'a>(dimensions: &[Dimension], value_of: impl Fn(usize) -> Option<&'a Value>) -> u32 {
    let mut group = 0_u32;
    for (index, dimension) in dimensions.iter().enumerate() {
        let name = value_of(index).and_then(Value::name);
        let declared = name.and_then(|name| dimension.values.iter().position(|known| *known == name));
        let radix = u32::try_from(dimension.values.len()).unwrap_or(u32::MAX).saturating_add(1);
        let digit = declared.and_then(|declared| u32::try_from(declared).ok()).unwrap_or(radix - 1);
        group = group.saturating_mul(radix).saturating_add(digit);
    }
    group
}

/// Whether an event's or row's value of a dimension was not legible, so that its group is not known.
pub(crate) fn group_is_unknown<'a>(dimensions: &[Dimension], value_of: impl Fn(usize) -> Option<&'a Value>) -> bool {
    let unknown = |value: &Value| value.is_mistyped() || value.is_replaced();
    (0..dimensions.len()).any(|index| value_of(index).is_some_and(unknown))
}

/// The values of a numbered group.
pub(crate) fn group_values(dimensions: &[Dimension], group: u32) -> Vec<String> {
    let mut rest = group;
    let mut values: Vec<String> = dimensions
        .iter()
        .rev()
        .map(|dimension| {
            let radix = u32::try_from(dimension.values.len()).unwrap_or(u32::MAX).saturating_add(1);
            let digit = usize::try_from(rest % radix).unwrap_or(usize::MAX);
            rest /= radix;
            dimension.values.get(digit).cloned().unwrap_or_else(|| Dimension::OTHER.to_owned())
        })
        .collect();
    values.reverse();
    values
}

/// The numbers of all groups.
pub(crate) fn groups(dimensions: &[Dimension]) -> std::ops::Range<u32> {
    let radix = |dimension: &Dimension| u32::try_from(dimension.values.len()).unwrap_or(u32::MAX).saturating_add(1);
    0..dimensions.iter().map(radix).fold(1, u32::saturating_mul)
}

/// The number of a group's values; `None` if there are not as many as dimensions.
pub(crate) fn group_number(dimensions: &[Dimension], values: &[String]) -> Option<u32> {
    let values: Vec<Value> = values.iter().map(|value| Value::text(value)).collect();
    (values.len() == dimensions.len()).then(|| group_of(dimensions, |index| values.get(index)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_numbered_and_read_back() {
        let dimension = |name: &str, values: &[&str]| Dimension {
            name: name.to_owned(),
            field: None,
            column: None,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let dimensions = [dimension("a", &["x", "y"]), dimension("b", &["p", "q", "r"])];
        for a in ["x", "y", "other"] {
            for b in ["p", "q", "r", "other"] {
                let values = vec![a.to_owned(), b.to_owned()];
                let number = group_number(&dimensions, &values).unwrap();
                assert_eq!(group_values(&dimensions, number), values);
            }
        }
        assert_eq!(group_values(&dimensions, group_of(&dimensions, |_| None)), ["other", "other"]);
        assert_eq!(group_of(&[], |_| None), 0);
        let plain = [dimension("plain", &["1001", "true", "9.8"])];
        for (value, group) in [
            (Value::Int(1001), "1001"),
            (Value::Bool(true), "true"),
            (Value::from_exact("9.8".parse().unwrap()), "9.8"),
            (Value::Int(7), "other"),
            (Value::Mistyped, "other"),
        ] {
            assert_eq!(group_values(&plain, group_of(&plain, |_| Some(&value))), [group]);
            assert_eq!(group_is_unknown(&plain, |_| Some(&value)), value == Value::Mistyped);
        }
        assert_eq!(group_number(&dimensions, &[]), None);
    }
}
