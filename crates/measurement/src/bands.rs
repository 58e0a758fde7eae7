//! Decision criteria: bands with open and closed bounds.

use std::{cmp::Ordering, fmt};

use crate::{expression::Parameter, number::Exact, value::Value};

/// Where a band ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    /// No end.
    Infinite,
    /// A number.
    Number(Exact),
    /// A parameter of the construct: its name and its table.
    Parameter(String, Parameter),
}

impl Limit {
    /// The number that holds for one value of the parameter's dimension; `None` for no end.
    /// A parameter that is no number has been refused when the catalogue was loaded.
    pub fn resolve(&self, dimension_value: &dyn Fn(&str) -> Value) -> Option<Exact> {
        match self {
            Self::Infinite => None,
            Self::Number(number) => Some(number.clone()),
            Self::Parameter(_, parameter) => {
                let value = parameter.by.as_deref().map_or(Value::Null, dimension_value);
                parameter.lookup(&value).to_exact()
            }
        }
    }
}

/// A bound of a band.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// Where it lies.
    pub limit: Limit,
    /// Whether the bound itself belongs to the band.
    pub closed: bool,
}

/// A band: one range of values, or several.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// `green`, `yellow`, `red` or the construct's own name.
    pub name: String,
    /// Where it lies, lowest first.
    pub ranges: Vec<Range>,
}

/// A range of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// Lower bound.
    pub lower: Bound,
    /// Upper bound.
    pub upper: Bound,
}

/// The text form of a band, before its limits are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interval<'a> {
    pub(crate) lower: &'a str,
    pub(crate) lower_closed: bool,
    pub(crate) upper: &'a str,
    pub(crate) upper_closed: bool,
}

/// Reads `[60, 90)`.
pub(crate) fn parse_interval(text: &str) -> Option<Interval<'_>> {
    let text = text.trim();
    let lower_closed = text.starts_with('[');
    let upper_closed = text.ends_with(']');
    let inner = text.strip_prefix(['[', '('])?.strip_suffix([']', ')'])?;
    let (lower, upper) = inner.split_once(',')?;
    Some(Interval { lower: lower.trim(), lower_closed, upper: upper.trim(), upper_closed })
}

/// Reads the text of a band: `[0, 0.5) or (1.5, inf)`.
pub(crate) fn parse_band(text: &str) -> Option<Vec<Interval<'_>>> {
    text.split(" or ").map(parse_interval).collect()
}

impl Band {
    /// Whether the value lies in the band, for one group.
    pub fn contains(&self, value: &Exact, dimension_value: &dyn Fn(&str) -> Value) -> bool {
        self.ranges.iter().any(|range| range.contains(value, dimension_value))
    }

    /// Names of the parameters among its limits.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.ranges.iter().flat_map(|range| [&range.lower.limit, &range.upper.limit]).filter_map(|limit| match limit {
            Limit::Parameter(name, _) => Some(name.as_str()),
            Limit::Infinite | Limit::Number(_) => None,
        })
    }
}

impl Range {
    /// Whether the value lies in the range, for one group.
    pub fn contains(&self, value: &Exact, dimension_value: &dyn Fn(&str) -> Value) -> bool {
        let above = self.lower.limit.resolve(dimension_value).is_none_or(|limit| match value.cmp(&limit) {
            Ordering::Greater => true,
            Ordering::Equal => self.lower.closed,
            Ordering::Less => false,
        });
        let below = self.upper.limit.resolve(dimension_value).is_none_or(|limit| match value.cmp(&limit) {
            Ordering::Less => true,
            Ordering::Equal => self.upper.closed,
            Ordering::Greater => false,
        });
        above && below
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Infinite => formatter.write_str("inf"),
            Self::Number(number) => formatter.write_str(&number.display(6)),
            Self::Parameter(name, _) => formatter.write_str(name),
        }
    }
}

impl fmt::Display for Band {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges.iter().enumerate() {
            if index > 0 {
                formatter.write_str(" or ")?;
            }
            write!(formatter, "{range}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.lower.limit == Limit::Infinite { "-" } else { "" };
        let open = if self.lower.closed { '[' } else { '(' };
        let close = if self.upper.closed { ']' } else { ')' };
        write!(formatter, "{open}{sign}{}, {}{close}", self.lower.limit, self.upper.limit)
    }
}

/// Checks that the bands, for one group, are not empty, do not overlap and leave no gap between the
/// lowest and the highest. The answer names the fault.
pub fn check(bands: &[Band], dimension_value: &dyn Fn(&str) -> Value) -> Result<(), String> {
    type Edge = (Option<Exact>, bool);
    let edge = |bound: &Bound| -> Edge { (bound.limit.resolve(dimension_value), bound.closed) };
    let mut ranges: Vec<(Edge, Edge, &str)> = bands
        .iter()
        .flat_map(|band| band.ranges.iter().map(move |range| (&range.lower, &range.upper, band.name.as_str())))
        .map(|(lower, upper, name)| (edge(lower), edge(upper), name))
        .collect();
    for ((lower, lower_closed), (upper, upper_closed), name) in &ranges {
        if let (Some(lower), Some(upper)) = (lower, upper)
            && (lower > upper || (lower == upper && !(*lower_closed && *upper_closed)))
        {
            return Err(format!("the band `{name}` can never be reached: it is empty"));
        }
    }
    ranges.sort_by(|(left, ..), (right, ..)| match (&left.0, &right.0) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(low), Some(high)) => low.cmp(high).then(right.1.cmp(&left.1)),
    });
    for pair in ranges.windows(2) {
        let [(_, (upper, upper_closed), first), ((lower, lower_closed), _, second)] = pair else { continue };
        match (upper, lower) {
            (Some(upper), Some(lower)) => match upper.cmp(lower) {
                Ordering::Less => {
                    return Err(format!(
                        "gap between `{first}` and `{second}`: {} to {}",
                        upper.display(6),
                        lower.display(6)
                    ));
                }
                Ordering::Greater => {
                    return Err(format!(
                        "`{first}` and `{second}` overlap between {} and {}",
                        lower.display(6),
                        upper.display(6)
                    ));
                }
                Ordering::Equal if *upper_closed && *lower_closed => {
                    return Err(format!("`{first}` and `{second}` both contain {}", upper.display(6)));
                }
                Ordering::Equal if !*upper_closed && !*lower_closed => {
                    return Err(format!("neither `{first}` nor `{second}` contains {}", upper.display(6)));
                }
                Ordering::Equal => {}
            },
            _ => return Err(format!("`{first}` and `{second}` overlap")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(name: &str, text: &str) -> Band {
        let limit = |text: &str| match text {
            "inf" | "-inf" => Limit::Infinite,
            number => Limit::Number(Exact::from_decimal(number).unwrap()),
        };
        let range = |interval: Interval<'_>| Range {
            lower: Bound { limit: limit(interval.lower), closed: interval.lower_closed },
            upper: Bound { limit: limit(interval.upper), closed: interval.upper_closed },
        };
        Band { name: name.to_owned(), ranges: parse_band(text).unwrap().into_iter().map(range).collect() }
    }

    fn no_dimension(_: &str) -> Value {
        Value::Null
    }

    #[test]
    fn a_bound_belongs_to_exactly_one_band() {
        let bands = [band("green", "[0, 1)"), band("yellow", "[1, 1.3]"), band("red", "(1.3, inf)")];
        assert_eq!(check(&bands, &no_dimension), Ok(()));
        let of = |value: Exact| {
            let names: Vec<_> = bands
                .iter()
                .filter(|band| band.contains(&value, &no_dimension))
                .map(|band| band.name.as_str())
                .collect();
            names.join(" ")
        };
        assert_eq!(of(Exact::from(1_i64)), "yellow");
        assert_eq!(of(Exact::ratio(13, 10).unwrap()), "yellow");
        assert_eq!(of(Exact::ratio(13_000_001, 10_000_000).unwrap()), "red");
        assert_eq!(of(Exact::ratio(999_999, 1_000_000).unwrap()), "green");
    }

    #[test]
    fn a_band_may_lie_on_both_sides() {
        let bands = [band("green", "[0.7, 1.1]"), band("yellow", "[0.5, 0.7) or (1.1, inf)"), band("red", "[0, 0.5)")];
        assert_eq!(check(&bands, &no_dimension), Ok(()));
        assert_eq!(bands[1].to_string(), "[0.5, 0.7) or (1.1, inf)");
        assert!(bands[1].contains(&Exact::from(7_i64), &no_dimension));
        assert!(!bands[1].contains(&Exact::ratio(11, 10).unwrap(), &no_dimension));
    }

    #[test]
    fn gaps_overlaps_and_empty_bands_are_named() {
        for (bands, part) in [
            ([("red", "[0, 60)"), ("green", "[61, 100]")], "gap between `red` and `green`: 60 to 61"),
            ([("red", "[0, 60]"), ("green", "[60, 100]")], "both contain 60"),
            ([("red", "[0, 60)"), ("green", "(60, 100]")], "neither"),
            ([("red", "[0, 70)"), ("green", "[60, 100]")], "overlap"),
            ([("red", "[70, 60)"), ("green", "[60, 100]")], "never be reached"),
        ] {
            let bands: Vec<Band> = bands.iter().map(|(name, text)| band(name, text)).collect();
            let fault = check(&bands, &no_dimension).unwrap_err();
            assert!(fault.contains(part), "{fault}");
        }
    }
}
