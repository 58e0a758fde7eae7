//! The catalogue that Vernier ships is sound.

use std::path::Path;

use measurement::catalogue::Catalogue;

#[test]
fn the_shipped_catalogue_loads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let catalogue = Catalogue::load(&folder).map_err(|faults| faults.to_string()).unwrap();
    assert_eq!(catalogue.constructs.len(), 38);
    assert!(
        catalogue.constructs.iter().all(|construct| !construct.verified),
        "nobody compared them with the standard yet"
    );
    let trend = catalogue.construct("isms/security-incidents-trend").unwrap();
    assert_eq!(trend.looks_back(), 5);
    assert_eq!(
        trend.indicator.criteria[0].lines().into_iter().map(|(_, when)| when).collect::<Vec<_>>(),
        ["[0, 1)", "[1, 1.3]", "(1.3, inf)"]
    );
    let by_reference: Vec<_> = catalogue
        .populations
        .values()
        .flat_map(|population| &population.feeds)
        .filter(|feed| feed.by_reference)
        .map(|feed| (feed.class.as_str(), feed.key.as_str()))
        .collect();
    for feed in [
        ("vulnerability_finding", "device.uid"),
        ("inventory_info", "device.hostname"),
        ("isms_action", "action.incident_uid"),
    ] {
        assert!(by_reference.contains(&feed), "{feed:?} is not in {by_reference:?}");
    }
}
