//! What registers, tickets and tools of the ISMS know.

/// Everything that comes as OCSF records from sources of its own.
#[derive(Clone, Debug, Default)]
pub struct Registers {
    /// Budget lines.
    pub budgets: Vec<Budget>,
    /// Policies.
    pub policies: Vec<Policy>,
    /// Management reviews.
    pub meetings: Vec<Meeting>,
    /// Risks.
    pub risks: Vec<Risk>,
    /// Improvement and corrective actions.
    pub actions: Vec<Action>,
    /// Costs of incidents.
    pub costs: Vec<Cost>,
    /// Quizzes taken.
    pub quizzes: Vec<Quiz>,
    /// What people did with lures.
    pub lures: Vec<Lure>,
    /// Checks of passwords.
    pub password_checks: Vec<PasswordCheck>,
    /// What is known of each system, in the order of the systems.
    pub systems: Vec<SystemFacts>,
    /// Sites.
    pub sites: Vec<Site>,
    /// Entries into rooms: when, and whether nobody had allowed it.
    pub entries: Vec<(i64, bool)>,
    /// Maintenances.
    pub maintenances: Vec<Maintenance>,
    /// When malware was blocked.
    pub blocked: Vec<i64>,
    /// Outages and windows of services.
    pub intervals: Vec<Interval>,
    /// Firewall rules.
    pub rules: Vec<Rule>,
    /// Planned reviews of logs.
    pub log_reviews: Vec<LogReview>,
    /// Agreements with third parties.
    pub agreements: Vec<Agreement>,
    /// Reviews by third parties.
    pub third_party_reviews: Vec<ThirdPartyReview>,
}

/// A budget line of one year.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Resource class.
    pub resource: &'static str,
    /// First instant of its year.
    pub begins: i64,
    /// When it was allocated, and how much.
    pub allocated: (i64, i64),
    /// Postings: when, and how much.
    pub used: Vec<(i64, i64)>,
}

/// A policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// When it came into force.
    pub in_force: i64,
    /// When it was reviewed.
    pub reviews: Vec<i64>,
    /// When it was withdrawn.
    pub withdrawn: Option<i64>,
}

/// A management review.
#[derive(Clone, Debug)]
pub struct Meeting {
    /// When it was planned, and for when; `None` for one that nobody planned.
    pub planned: Option<(i64, i64)>,
    /// When it was held, with how many invited and present.
    pub held: Option<(i64, i64, i64)>,
}

/// A risk.
#[derive(Clone, Debug)]
pub struct Risk {
    /// When it changed: level, and whether it is above the threshold.
    pub changes: Vec<(i64, i64, bool)>,
    /// When it was reviewed without a change.
    pub reviews: Vec<i64>,
    /// When it was closed.
    pub closed: Option<i64>,
}

/// An improvement or corrective action.
#[derive(Clone, Debug)]
pub struct Action {
    /// Whether it mends a nonconformity.
    pub corrective: bool,
    /// When it was planned.
    pub planned: i64,
    /// By when it should be done.
    pub due: i64,
    /// When it was done, and whether within cost and as well as planned.
    pub done: Option<(i64, bool, bool)>,
    /// When it was given up, for a reason.
    pub given_up: Option<i64>,
    /// Index of the incident that triggered it.
    pub incident: Option<usize>,
}

/// A cost of an incident.
#[derive(Clone, Debug)]
pub struct Cost {
    /// When it was booked.
    pub at: i64,
    /// Category of the incident.
    pub category: &'static str,
    /// Amount.
    pub amount: i64,
    /// Currency.
    pub currency: &'static str,
}

/// A quiz that somebody took.
#[derive(Clone, Debug)]
pub struct Quiz {
    /// When.
    pub at: i64,
    /// Number of the person.
    pub person: usize,
    /// Whether after the campaign.
    pub after: bool,
    /// Whether it was passed.
    pub passed: bool,
}

/// What somebody did with a lure: 1 got it, 2 clicked, 3 complied, 4 reported.
#[derive(Clone, Debug)]
pub struct Lure {
    /// When.
    pub at: i64,
    /// Number of the person.
    pub person: usize,
    /// What.
    pub activity: i64,
    /// How hard it was to recognise.
    pub difficulty: &'static str,
}

/// A check of passwords.
#[derive(Clone, Debug)]
pub struct PasswordCheck {
    /// When.
    pub at: i64,
    /// Whether by a cracking run.
    pub automated: bool,
    /// How many were tested.
    pub tested: i64,
    /// How many were strong.
    pub conforming: i64,
}

/// What is known of a system beside the inventory.
#[derive(Clone, Debug, Default)]
pub struct SystemFacts {
    /// When its access rights were reviewed.
    pub rights_reviews: Vec<i64>,
    /// When it was hardened.
    pub hardened: Option<i64>,
    /// When the change that brought it was approved.
    pub approved: Option<i64>,
    /// When it had major releases.
    pub releases: Vec<i64>,
    /// Reports of the malware protection: when, and the date of the signatures.
    pub signatures: Vec<(i64, i64)>,
    /// Checks of its configuration: when, and whether it was as it should be.
    pub checks: Vec<(i64, bool)>,
}

/// A site: when it was inspected, and the level found.
#[derive(Clone, Debug)]
pub struct Site {
    /// Inspections.
    pub inspections: Vec<(i64, i64)>,
}

/// A maintenance.
#[derive(Clone, Debug)]
pub struct Maintenance {
    /// When it was planned.
    pub planned: i64,
    /// For when.
    pub scheduled: i64,
    /// When it was done.
    pub done: Option<i64>,
}

/// An outage or an agreed window of a service.
#[derive(Clone, Debug)]
pub struct Interval {
    /// The service.
    pub service: &'static str,
    /// Whether it was agreed.
    pub window: bool,
    /// Begin.
    pub from: i64,
    /// End.
    pub to: i64,
}

/// A firewall rule: its readings, and when it was removed.
#[derive(Clone, Debug)]
pub struct Rule {
    /// When it was read, and the hits shown.
    pub readings: Vec<(i64, i64)>,
    /// When it was removed.
    pub removed: Option<i64>,
}

/// A planned review of a log.
#[derive(Clone, Debug)]
pub struct LogReview {
    /// When it was planned.
    pub planned: i64,
    /// When it is due.
    pub due: i64,
    /// When it was done.
    pub done: Option<i64>,
}

/// An agreement with a third party.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// Whether personal data are processed under it.
    pub personal: bool,
    /// Its states: when, requirements that apply, requirements addressed.
    pub states: Vec<(i64, i64, i64)>,
    /// When it ended.
    pub ended: Option<i64>,
}

/// A review by a third party.
#[derive(Clone, Debug)]
pub struct ThirdPartyReview {
    /// When it was planned.
    pub planned: i64,
    /// For when.
    pub planned_for: i64,
    /// When its report came.
    pub received: Option<i64>,
}
