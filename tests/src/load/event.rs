//! Texts of OCSF events.

use super::random::{Random, mix};

/// What an event is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Class {
    Authentication,
    Finding,
    Check,
    Case,
    Action,
    Scan,
    Heartbeat,
}

/// What is wrong with an event, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing.
    Good,
    /// Nothing, but no measure counts its activity.
    Ended,
    NoTime,
    NoActivity,
    NoKey,
    UnknownClass,
}

/// The hash of 62 bits that an event of this identity carries: FNV-1a, mixed.
pub fn identity(uid: &str) -> i64 {
    let hash = uid
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    i64::try_from(mix(hash) >> 2).expect("it has 62 bits")
}

/// The text of an event.
pub(super) fn text(random: &mut Random, class: Class, time: i64, uid: &str, form: Form) -> String {
    let uid_of_class = match (form, class) {
        (Form::UnknownClass, _) => 999_999,
        (_, Class::Authentication) => 3002,
        (_, Class::Finding) => 2004,
        (_, Class::Check) => 2003,
        (_, Class::Case) => 2005,
        (_, Class::Action) => 27_001_009,
        (_, Class::Scan) => 6007,
        (_, Class::Heartbeat) => 27_001_099,
    };
    let number = random.below(12);
    let about = match class {
        _ if form == Form::NoKey => "\"no\":\"key\"".to_owned(),
        Class::Authentication => format!("\"dst_endpoint\":{{\"hostname\":\"host-{number}\"}}"),
        Class::Finding => format!("\"finding_info\":{{\"uid\":\"finding-{number}\"}}"),
        Class::Check | Class::Scan => format!("\"device\":{{\"uid\":\"device-{number}\"}}"),
        Class::Case => format!("\"finding_info_list\":[{{\"uid\":\"case-{number}\"}}]"),
        Class::Action => format!("\"action\":{{\"uid\":\"action-{uid}\",\"incident_uid\":\"case-{number}\"}}"),
        Class::Heartbeat => "\"note\":\"alive\"".to_owned(),
    };
    let activity = match form {
        Form::NoActivity => String::new(),
        Form::Ended => "\"activity_id\":2,".to_owned(),
        _ => "\"activity_id\":1,".to_owned(),
    };
    let time = if form == Form::NoTime { String::new() } else { format!("\"time\":{time},") };
    let status = 1 + random.below(2);
    let team = ["red", "blue", "green", "grey"][usize::try_from(random.below(4)).expect("it is below 4")];
    let product = if form == Form::NoKey { "" } else { ",\"product\":{\"name\":\"load\"}" };
    format!(
        "{{\"class_uid\":{uid_of_class},{activity}{time}\"severity_id\":1,\"status_id\":{status},{about},\
         \"metadata\":{{\"uid\":\"{uid}\"{product}}},\"unmapped\":{{\"team\":\"{team}\",\"identity\":{}}}}}",
        identity(uid)
    )
}
