//! The lines of populations and sources.

use super::{Writer, words};
use crate::{
    catalogue::{
        population::{Column, Feed, FeedOf, Population, SetColumn},
        source::{MAPPING_LIBRARY, Source},
    },
    digest,
};

/// A mapping in words. What a program does is its text's and its language's business: a new release of the library may
/// read another thing in the same line.
pub(super) fn mapping(program: Option<&str>) -> String {
    program.map_or_else(
        || "ocsf".to_owned(),
        |program| format!("{} by {MAPPING_LIBRARY}", digest::short(program.as_bytes())),
    )
}

/// Digest of a mapping program, the library that runs it included. It travels with each event: a mended mapping makes
/// other events from then on, and no other measure.
pub fn mapping_digest(program: &str) -> String {
    digest::short(mapping(Some(program)).as_bytes())
}

impl Writer<'_> {
    pub(super) fn population(&mut self, population: &Population) {
        let Population {
            name,
            columns,
            feeds,
            joins,
            // Words for people.
            title: _,
            // Made of the rest.
            digest: _,
            // Resolved: each feed has its own.
            sources: _,
            // Columns that the engine keeps for itself: they stand among the others.
            removed: _,
            listed: _,
        } = population;
        let of = format!("population.{name}");
        for Column { name, kind, merge, scale, unit } in columns {
            let unit = unit.as_deref().map_or_else(String::new, |unit| format!(" [{unit}]"));
            let said = format!("{} {} {}{unit}", words::kind(*kind), words::merge(*merge), words::scale(*scale));
            self.put(&format!("{of}.columns.{name}"), said);
        }
        for (other, by) in joins {
            let by = columns.get(*by).map_or("", |column| column.name.as_str());
            self.put(&format!("{of}.joins.{other}"), by);
        }
        for (index, feed) in feeds.iter().enumerate() {
            self.feed(&format!("{of}.feeds.{index}"), feed, columns);
        }
    }

    fn feed(&mut self, of: &str, feed: &Feed, columns: &[Column]) {
        let Feed {
            class,
            key,
            partition,
            of: about,
            when,
            remove,
            lists,
            set,
            sources,
            // The class's.
            uid: _,
            // Where the two keys lie in a row of slots: their paths are there.
            key_slot: _,
            partition_slot: _,
            // Follows from the class's key.
            by_reference: _,
        } = feed;
        let about = match about {
            FeedOf::Entity => format!("entities {key} at {partition}"),
            FeedOf::Snapshot(slot) => format!("snapshots taken at {}", self.fields.path(*slot).unwrap_or_default()),
        };
        let (when, remove) = (self.condition(when.as_ref(), "true"), self.condition(remove.as_ref(), "false"));
        let lists = if *lists { ", lists" } else { "" };
        self.put(of, format!("{class}: {about}, when {when}, remove {remove}{lists}"));
        self.put(&format!("{of}.sources"), words::sorted(sources));
        for SetColumn { column, value, when } in set {
            let column = columns.get(*column).map_or("", |column| column.name.as_str());
            let (value, when) = (self.said(value), self.condition(when.as_ref(), "true"));
            self.put(&format!("{of}.set.{column}"), format!("{value} if {when}"));
        }
    }

    pub(super) fn source(&mut self, source: &Source) {
        let Source {
            name,
            topics,
            decode,
            unwrap,
            encoding,
            duplicate_members,
            time_unit,
            zone,
            alive_by,
            program,
            lateness,
            idle,
            max_future,
            rhythm,
            deduplicate,
            // Words for people.
            title: _,
            owner: _,
            // Where the program lies; what it says is there.
            mapping: _,
            // Made of the rest.
            digest: _,
            // Whether it is in force, not what it is.
            ended: _,
        } = source;
        let of = format!("source.{name}");
        let mut put = |key: &str, value: String| self.put(&format!("{of}.{key}"), value);
        put("topics", words::sorted(topics));
        put("decode", words::decode(*decode).to_owned());
        put("unwrap", words::unwrap(unwrap.as_deref()));
        put("encoding", encoding.name().to_owned());
        put("duplicate_members", words::duplicate_members(*duplicate_members).to_owned());
        put("time_unit", words::time_unit(*time_unit).to_owned());
        put("zone", zone.name().to_owned());
        put("alive_by", alive_by.map_or_else(|| "any record".to_owned(), |class| format!("class {class}")));
        put("mapping", mapping(program.as_deref()));
        // Which events are too late, which were told before, and when silence is no zero.
        for (key, milliseconds) in [
            ("lateness", lateness),
            ("idle", idle),
            ("max_future", max_future),
            ("rhythm", rhythm),
            ("deduplicate", deduplicate),
        ] {
            put(key, format!("{milliseconds} ms"));
        }
    }
}
