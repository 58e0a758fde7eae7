//! Values that a formula can reach and no band is for.

use crate::{
    bands::{Band, Limit},
    catalogue::{BaseMeasure, Construct, Criteria, Decision, Fold},
    expression::{Expression, Facts, Range},
    number::Exact,
    value::Value,
};

/// What can lie beyond the bands of a construct, in words.
pub(super) fn beyond(construct: &Construct) -> Vec<String> {
    let of = &construct.indicator.of;
    let Some(range) = measures(construct).range(construct.indicator.slot) else { return Vec::new() };
    let mut found = Vec::new();
    for bands in construct.indicator.criteria.iter().filter_map(bands) {
        let (lowest, highest) = (edge(bands, true), edge(bands, false));
        if let Some((limit, closed)) = highest
            && range.upper.as_ref().is_none_or(|upper| *upper > limit || (*upper == limit && !closed))
        {
            let hint = "let the last band end at inf, or count above only what is counted below";
            found
                .push(format!("`{of}` can lie above {}, where the bands end: out-of-bands ({hint})", limit.display(6)));
        }
        if let Some((limit, closed)) = lowest
            && range.lower.as_ref().is_none_or(|lower| *lower < limit || (*lower == limit && !closed))
        {
            let hint = "let the first band begin at -inf, or take away only parts of what is there";
            found.push(format!(
                "`{of}` can lie below {}, where the bands begin: out-of-bands ({hint})",
                limit.display(6)
            ));
        }
    }
    found.dedup();
    found
}

fn bands(criteria: &Criteria) -> Option<&[Band]> {
    match &criteria.decision {
        Decision::Bands(bands) => Some(bands),
        Decision::Rules(_) => None,
    }
}

/// Where the bands begin or end for the total, and whether the end belongs to them; `None` for nowhere.
fn edge(bands: &[Band], lowest: bool) -> Option<(Exact, bool)> {
    let bounds = bands.iter().flat_map(|band| &band.ranges);
    let bounds: Vec<_> = bounds.map(|range| if lowest { &range.lower } else { &range.upper }).collect();
    if bounds.iter().any(|bound| matches!(bound.limit, Limit::Infinite)) {
        return None;
    }
    let edges = bounds.iter().filter_map(|bound| Some((bound.limit.resolve(&|_| Value::Null)?, bound.closed)));
    if lowest {
        edges.min_by(|left, right| left.0.cmp(&right.0).then(right.1.cmp(&left.1)))
    } else {
        edges.max_by(|left, right| left.0.cmp(&right.0).then(left.1.cmp(&right.1)))
    }
}

/// The measures by slot, with the ranges of those that are known already.
struct Measures<'a> {
    base: &'a [BaseMeasure],
    derived: Vec<Option<Range>>,
}

fn measures(construct: &Construct) -> Measures<'_> {
    let mut measures = Measures { base: &construct.base, derived: Vec::new() };
    for derived in &construct.derived {
        let range = derived.formula.range(&measures);
        measures.derived.push(range);
    }
    measures
}

impl Facts for Measures<'_> {
    fn range(&self, slot: usize) -> Option<Range> {
        match self.base.get(slot) {
            Some(base) => match base.fold {
                Fold::Count | Fold::Distinct(_) | Fold::Sum(_) | Fold::Union(_) | Fold::Variance(_) => {
                    Some(Range::of_count())
                }
                // As large or small as the values are.
                Fold::Min(_) | Fold::Max(_) | Fold::Mean(_) | Fold::Quantile(..) => None,
            },
            None => self.derived.get(slot.checked_sub(self.base.len())?)?.clone(),
        }
    }

    fn within(&self, part: usize, whole: usize) -> bool {
        let (Some(part_of), Some(whole_of)) = (self.base.get(part), self.base.get(whole)) else { return part == whole };
        let alike = match (&part_of.fold, &whole_of.fold) {
            (Fold::Count | Fold::Distinct(_), Fold::Count) => true,
            (Fold::Distinct(left), Fold::Distinct(right)) | (Fold::Sum(left), Fold::Sum(right)) => {
                left.text() == right.text()
            }
            _ => false,
        };
        part == whole
            || (alike
                && part_of.of == whole_of.of
                && part_of.basis == whole_of.basis
                && narrower(part_of.filter.as_ref(), whole_of.filter.as_ref()))
    }
}

/// Whether a condition holds wherever another one does.
fn implies(condition: &str, wanted: &str) -> bool {
    let listed = |text: &str| -> Option<(String, Vec<String>)> {
        let (name, values) = match text.split_once(" in ") {
            Some((name, list)) => (name, list.trim().strip_prefix('[')?.strip_suffix(']')?.split(',').collect()),
            None => text.split_once(" == ").map(|(name, value)| (name, vec![value]))?,
        };
        Some((name.trim().to_owned(), values.into_iter().map(|value: &str| value.trim().to_owned()).collect()))
    };
    condition == wanted
        || listed(condition).zip(listed(wanted)).is_some_and(|((left, values), (right, wanted))| {
            left == right && values.iter().all(|value| wanted.contains(value))
        })
}

/// Whether whatever passes the one filter passes the other: each of its alternatives asks for all that one of the
/// other's asks for. By the text alone: what is written in another way is not seen through.
fn narrower(filter: Option<&Expression>, than: Option<&Expression>) -> bool {
    let (alternatives, wanted) = (alternatives(filter), alternatives(than));
    alternatives.iter().all(|conditions| {
        let all_of = |wanted: &Vec<String>| {
            wanted.iter().all(|wanted| conditions.iter().any(|condition| implies(condition, wanted)))
        };
        wanted.iter().any(all_of)
    })
}

/// The alternatives of a filter, each as the conditions that it joins, in one spelling.
fn alternatives(filter: Option<&Expression>) -> Vec<Vec<String>> {
    let text = filter.map_or("true", Expression::text).split_whitespace().collect::<Vec<_>>().join(" ");
    let of = |alternative: String| {
        let mut conditions = split(bare(&alternative), "&&");
        conditions.retain(|condition| condition != "true");
        conditions
    };
    split(bare(&text), "||").into_iter().map(of).collect()
}

/// Without the parentheses around the whole.
fn bare(text: &str) -> &str {
    match text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) if split(text, "&&").len() == 1 && split(text, "||").len() == 1 && closes_last(inner) => inner,
        _ => text,
    }
}

/// Whether no parenthesis closes one that stands before the text.
fn closes_last(inner: &str) -> bool {
    let mut depth = 0_i32;
    inner.chars().all(|letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        depth >= 0
    })
}

/// Splits at an operator that stands within no parentheses and no text.
fn split(text: &str, operator: &str) -> Vec<String> {
    let (mut depth, mut quote, mut parts, mut start, mut skip) = (0_u32, None, Vec::new(), 0, 0);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            // One of two values: no part can be told from the rest.
            (None, '?') if depth == 0 => return vec![text.to_owned()],
            _ if depth == 0 && at >= skip && text.get(at..).is_some_and(|rest| rest.starts_with(operator)) => {
                parts.push(text.get(start..at).unwrap_or_default().trim().to_owned());
                start = at + operator.len();
                skip = start;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default().trim().to_owned());
    parts
}
