//! The path of a record: decode, map, hold to types, expand, validate and route.
//!
//! [`process`] is a function of the record and the source's definition. No bytes, whatever they are, end in anything but
//! events, "not relevant", or a refusal, and each element of a record is told once.

use measurement::time::Timestamp;
use serde_json::{Value, json};

use crate::{
    arrival::Arrival,
    config::{Classes, Source},
    decode::{Element, Form, decode, undeclared},
    doubt::may_have_seen,
    expand::{Draft, EVENT_LIMIT, expand},
    identity::{Maker, tell_apart},
    intake::Sign,
    json::{Wanted, read_object},
    reject::Refusal,
    route::{Route, route},
    types::{Mistyped, hold_types},
    validate::{Event, is_plausible, validate},
};

/// What became of a record: each of its elements was published, is not relevant, or was refused.
#[derive(Clone, Debug, Default)]
pub struct Processed<'a> {
    /// The events to publish.
    pub events: Vec<(Event<'a>, Route)>,
    /// How many elements the record held; a record that holds none counts as one that is not relevant.
    pub elements: u64,
    /// How many of them gave events.
    pub published: u64,
    /// Which elements were refused, and why.
    pub refused: Vec<(usize, Refusal)>,
    /// In how many elements bytes or characters had to be replaced.
    pub replaced: u64,
    /// What each element tells of its time.
    pub signs: Vec<Sign>,
    /// Attributes of the events that could not be read as their type.
    pub mistyped: Mistyped,
}

impl Processed<'_> {
    /// How many elements were refused.
    pub fn refused_elements(&self) -> u64 {
        self.refused.iter().map(|(_, refusal)| refusal.elements).sum()
    }

    /// How many elements were sound, but of no interest.
    pub fn not_relevant(&self) -> u64 {
        self.elements.saturating_sub(self.published).saturating_sub(self.refused_elements())
    }

    /// How many events the next element may stand for. One each is no matter; what is bounded is how many more than that
    /// a record makes of itself.
    fn room(&self) -> usize {
        let published = usize::try_from(self.published).unwrap_or(usize::MAX);
        EVENT_LIMIT.saturating_sub(self.events.len().saturating_sub(published)).max(1)
    }

    /// What the dead letter of the record says, if any of its elements was refused.
    pub fn refusal(&self) -> Option<Refusal> {
        Refusal::of_elements(&self.refused, self.elements)
    }
}

/// Takes a record through decode, map, expand, validate and route.
pub fn process<'a>(source: &mut Source, classes: &Classes, arrival: &Arrival<'a>) -> Processed<'a> {
    let elements = match decode(&source.framing, arrival.value, source.limits) {
        Ok(elements) => elements,
        Err(refusal) => {
            let signs = vec![Sign { read: refusal.elements, refused: refusal.elements, ..Sign::default() }];
            return Processed {
                elements: refusal.elements,
                refused: vec![(0, refusal)],
                signs,
                ..Processed::default()
            };
        }
    };
    // Judged by its record and not by the clock: a history may be read at any time.
    let latest = arrival.timestamp.plus(source.max_future);
    let (maker, mistyped) = (Maker::new(arrival), Mistyped::new());
    let mut walk = Walk { classes, arrival, latest, maker, seen: None, doubtful: false, mistyped };
    let mut processed = Processed::default();
    let count = elements.len();
    for (position, element) in elements.into_iter().enumerate() {
        let place = (count > 1).then_some(position);
        let room = processed.room();
        let replaced = u64::from(element.replaced);
        processed.replaced += replaced;
        let form = element.form.clone();
        let found = walk.element(source, element, place, room);
        let found = undeclared::judge(&source.framing, &form, found);
        let (read, refused) = found.as_ref().err().map_or((1, 0), |refusal| (refusal.elements, refusal.elements));
        processed.signs.push(Sign {
            time: walk.seen.take(),
            read,
            refused,
            replaced,
            doubtful: u64::from(std::mem::take(&mut walk.doubtful)),
        });
        match found {
            Ok(events) => {
                processed.elements += 1;
                processed.published += u64::from(!events.is_empty());
                processed.events.extend(events);
            }
            Err(refusal) => {
                processed.elements += refusal.elements;
                processed.refused.push((position, refusal));
            }
        }
    }
    if processed.elements == 0 {
        processed.elements = 1;
        processed.signs.push(Sign { read: 1, ..Sign::default() });
    }
    tell_apart(&mut processed.events);
    processed.mistyped = walk.mistyped;
    processed
}

/// One record on its way.
struct Walk<'w, 'a> {
    classes: &'w Classes,
    arrival: &'w Arrival<'a>,
    latest: Timestamp,
    maker: Maker<'w, 'a>,
    /// When the element happened that is looked at, as far as it could be read.
    seen: Option<Timestamp>,
    /// Whether it is not certain what was made of it.
    doubtful: bool,
    mistyped: Mistyped,
}

impl<'a> Walk<'_, 'a> {
    /// All events of an element, or none: an element is not published in part.
    fn element(
        &mut self,
        source: &mut Source,
        element: Element<'a>,
        place: Option<usize>,
        room: usize,
    ) -> Result<Vec<(Event<'a>, Route)>, Refusal> {
        let drafts = self.drafts(source, element)?;
        let several = drafts.len() > 1;
        let mut routed = Vec::with_capacity(drafts.len());
        let mut mistyped = Mistyped::new();
        let mut last = None;
        for (number, mut draft) in drafts.into_iter().enumerate() {
            for (attribute, count) in hold_types(&mut draft, self.classes, source.reading)? {
                *mistyped.entry(attribute).or_default() += count;
            }
            let time = draft.attributes.get("time").and_then(Value::as_i64).map(Timestamp);
            last = last.max(time.filter(|time| is_plausible(*time, self.latest)));
            self.seen = last.or(self.seen);
            let within = several.then_some(number);
            let room = room.saturating_sub(routed.len());
            for draft in expand(draft, room, || self.maker.uid(place, within))? {
                let event = validate(draft, self.classes, self.latest)?;
                let route = route(&event)?;
                routed.push((event, route));
            }
        }
        for (attribute, count) in mistyped {
            *self.mistyped.entry(attribute).or_default() += count;
        }
        Ok(routed)
    }

    fn drafts(&mut self, source: &mut Source, element: Element<'a>) -> Result<Vec<Draft<'a>>, Refusal> {
        let Some(mapping) = &mut source.mapping else {
            return match element.form {
                Form::Json(text) | Form::Line(text) => {
                    Ok(vec![Draft::native(text, self.classes.wanted(), source.framing.duplicates)?])
                }
                Form::Broken(refusal) => Err(refusal),
            };
        };
        let input = match element.form {
            Form::Line(line) => json!({ "message": line }),
            Form::Json(text) => read_object(&text, &Wanted::everything(), source.framing.duplicates)?.object.into(),
            Form::Broken(refusal) => return Err(refusal),
        };
        self.doubtful = element.replaced && may_have_seen(mapping, &input);
        let applied = mapping.apply(input, &source.name, self.arrival.timestamp);
        self.seen = applied.seen.filter(|time| is_plausible(*time, self.latest));
        Ok(applied.events?.into_iter().map(Draft::mapped).collect())
    }
}
