//! What there is in the organisation and what happens to it. Times are milliseconds since 1970.

mod registers;

use measurement::time::Timestamp;

pub use registers::{
    Action, Agreement, Budget, Cost, Interval, LogReview, Lure, Maintenance, Meeting, PasswordCheck, Policy, Quiz,
    Registers, Risk, Rule, Site, SystemFacts, ThirdPartyReview,
};

/// Org units; people of `board` belong to no declared one.
pub const ORG_UNITS: [&str; 5] = ["finance", "engineering", "sales", "operations", "board"];
/// Incident categories; `theft` is no declared one.
pub const CATEGORIES: [&str; 5] = ["malware", "phishing", "unauthorised-access", "data-loss", "theft"];
/// Classes of systems.
pub const ASSET_CLASSES: [&str; 3] = ["server", "workstation", "network"];

/// A person as the register has it from an instant on.
#[derive(Clone, Debug)]
pub struct PersonState {
    /// From when.
    pub at: i64,
    /// Org unit.
    pub org_unit: &'static str,
    /// Whether training concerns the person.
    pub training_required: bool,
    /// Whether the person is still there.
    pub active: bool,
}

/// A person.
#[derive(Clone, Debug)]
pub struct Person {
    /// Code, not a name.
    pub uid: String,
    /// States, oldest first.
    pub states: Vec<PersonState>,
    /// When trainings were completed.
    pub trained: Vec<i64>,
    /// When awareness trainings were completed.
    pub made_aware: Vec<i64>,
    /// Day by which the awareness training is planned.
    pub awareness_due_at: i64,
    /// Day by which the agreement is planned to be signed.
    pub agreement_due_at: i64,
    /// When it was signed.
    pub signed_at: Option<i64>,
}

/// A system.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Inventory number.
    pub uid: String,
    /// Host name.
    pub host: String,
    /// Class.
    pub class: &'static str,
    /// When it came into the inventory.
    pub since: i64,
    /// Whether vulnerability management concerns it.
    pub in_scope: bool,
    /// Whether it must send logs.
    pub logging: bool,
    /// When it was scanned.
    pub scans: Vec<i64>,
    /// When it was tested by hand.
    pub pentests: Vec<i64>,
}

/// A change of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Reported.
    Opened,
    /// Worked on.
    Updated,
    /// Resolved.
    Resolved,
    /// Came back.
    Reopened,
}

/// An incident.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Ticket number.
    pub uid: String,
    /// Category.
    pub category: &'static str,
    /// Changes, oldest first.
    pub changes: Vec<(i64, Change)>,
}

/// A vulnerability on a system.
#[derive(Clone, Debug)]
pub struct Vulnerability {
    /// Finding number.
    pub uid: String,
    /// Index of the system.
    pub asset: usize,
    /// CVE number.
    pub cve: String,
    /// CVSS base score in tenths.
    pub score_tenths: i64,
    /// When it was found.
    pub found: i64,
    /// When it was seen to be fixed.
    pub fixed: Option<i64>,
}

/// An audit.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Number.
    pub uid: String,
    /// When it was planned.
    pub planned_at: i64,
    /// For when.
    pub planned_for: i64,
    /// When it was performed.
    pub performed_at: Option<i64>,
}

/// Log-in attempts: so many of one kind on one host at one time.
#[derive(Clone, Debug)]
pub struct LogIn {
    /// When.
    pub at: i64,
    /// Index of the system.
    pub asset: usize,
    /// Whether it failed.
    pub failed: bool,
    /// How often the line was repeated.
    pub count: u32,
}

/// The organisation.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// Begin of the history.
    pub start: Timestamp,
    /// End of the history.
    pub end: Timestamp,
    /// Seed of flaws and delays.
    pub seed: u64,
    /// People.
    pub people: Vec<Person>,
    /// Systems.
    pub assets: Vec<Asset>,
    /// Incidents.
    pub incidents: Vec<Incident>,
    /// Vulnerabilities.
    pub vulnerabilities: Vec<Vulnerability>,
    /// Audits.
    pub audits: Vec<Audit>,
    /// What registers know.
    pub registers: Registers,
    /// Log-ins.
    pub log_ins: Vec<LogIn>,
    /// Signs of life of each source but sshd.
    pub heartbeats: Vec<(&'static str, Vec<i64>)>,
}
