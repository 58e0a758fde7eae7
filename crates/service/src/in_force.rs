//! What is in force when a service starts: the newest catalogue of the log. Where there is none yet, the first service to
//! come puts its files into force, so that nobody has to do more than start it. After that files say nothing until
//! somebody approves them: see `vernier plan`.

use std::{sync::Arc, thread, time::Duration};

use measurement::catalogue::{Catalogue, Files};
use programme::{Change, Programme, ProgrammeError, PutError, put};
use records::TextKey;
use streaming::{LogError, topics::TopicError};

use crate::{
    metrics::{Family, Sample},
    shell::{Context, Failure, Process},
};

/// The files that lie beside a process, and what they are.
struct Own {
    files: Files,
    catalogue: Result<Catalogue, anyhow::Error>,
}

impl Own {
    fn read(process: &Process) -> Self {
        let folder = &process.config.catalogue;
        let catalogue = Catalogue::load(folder)
            .map_err(|faults| anyhow::anyhow!("the catalogue in {} is not sound:\n{faults}", folder.display()));
        Self { files: Files::read(folder).0, catalogue }
    }
}

/// Waits for the topics and for what is in force. `None` if the process is to end before that.
pub(crate) fn context(process: &Process) -> Result<Option<Context>, Failure> {
    let own = Own::read(process);
    if !wait_for_topics(process)? {
        return Ok(None);
    }
    let topics = process.config.topics();
    let mut known = None;
    while process.waits() {
        match programme_of(process, &own) {
            Ok(programme) => {
                known = Some(programme);
                break;
            }
            Err(Trouble::Passing(fault)) => {
                tracing::warn!(%fault, "the topic of catalogues cannot be reached; trying again");
                thread::sleep(Duration::from_secs(1));
            }
            Err(Trouble::Failure(failure)) => return Err(failure),
        }
    }
    let Some(programme) = known else { return Ok(None) };
    let head = programme.head();
    let catalogue = programme.catalogue(head, &programme::Earlier::new()).map_err(|fault| {
        let what = "put a catalogue into force that this build understands, with `vernier apply`, or go back to the build before";
        Failure::Setup(anyhow::Error::new(fault).context(format!("{}: {what}", topics.catalogue)))
    })?;
    tracing::info!(catalogue = head, digest = catalogue.digest, "in force");
    tell_what_is_pending(process, &own, &programme)?;
    Ok(Some(Context {
        config: process.config.clone(),
        log: Arc::clone(&process.log),
        catalogue,
        sequence: head,
        programme,
        clock: Arc::clone(&process.clock),
        stop: Arc::clone(&process.stop),
        health: process.health.clone(),
        page: process.page.clone(),
    }))
}

enum Trouble {
    Passing(LogError),
    Failure(Failure),
}

impl From<ProgrammeError> for Trouble {
    fn from(fault: ProgrammeError) -> Self {
        match fault {
            ProgrammeError::Log(fault @ LogError::Unavailable { .. }) => Self::Passing(fault),
            fault => Self::Failure(Failure::Setup(fault.into())),
        }
    }
}

/// What is in force, the files being put into force where there is nothing yet.
fn programme_of(process: &Process, own: &Own) -> Result<Programme, Trouble> {
    let topics = process.config.topics();
    let programme = Programme::open(Arc::clone(&process.log), &topics)?;
    if programme.head() > 0 {
        return Ok(programme);
    }
    let lost = programme::measured_by(process.log.as_ref(), &topics).map_err(ProgrammeError::from)?;
    if lost > 0 {
        return Err(Trouble::Failure(Failure::Setup(anyhow::anyhow!(
            "{} is empty, and catalogue {lost} was in force: nobody puts files into force by mistake; get the topic back, or see docs/runbooks.md, section lost-catalogue",
            topics.catalogue
        ))));
    }
    let catalogue = match &own.catalogue {
        Ok(catalogue) => catalogue,
        Err(fault) => return Err(Trouble::Failure(Failure::Setup(anyhow::anyhow!("{fault}")))),
    };
    let first = Change {
        files: &own.files,
        digest: &catalogue.digest,
        follows: 0,
        lost: 0,
        rebuild: false,
        effective_from: None,
        history: false,
        approver: "first start",
        reason: "no catalogue was in force",
        plan: None,
        beside: programme::Beside::default(),
        at: (process.clock)(),
    };
    match put(&process.log, &topics, &first) {
        Ok(sequence) => tracing::info!(sequence, "the files are in force: they are the first"),
        // Another service has come first, with its files.
        Err(PutError::Moved { .. }) => {}
        Err(PutError::Programme(fault)) => return Err(fault.into()),
        Err(PutError::Transaction(reason)) => {
            return Err(Trouble::Passing(LogError::Unavailable {
                doing: "put the first catalogue into force",
                reason,
            }));
        }
        Err(fault @ PutError::TooLong(_)) => return Err(Trouble::Failure(Failure::Setup(fault.into()))),
    }
    programme.awaited(1)?;
    Ok(programme)
}

/// Says whether the files differ from what is in force, and goes on saying it.
fn tell_what_is_pending(process: &Process, own: &Own, programme: &Programme) -> Result<(), Failure> {
    let hashes: std::collections::BTreeMap<String, String> =
        own.files.0.iter().map(|(path, text)| (path.clone(), TextKey::of(text).hash)).collect();
    let differs =
        move |programme: &Programme| programme.record(programme.head()).is_some_and(|record| record.files != hashes);
    if differs(programme) {
        let folder = process.config.catalogue.display().to_string();
        let in_force = programme.head();
        match &own.catalogue {
            Ok(_) => tracing::warn!(
                folder,
                in_force,
                "the files differ from the catalogue that is in force, which is what runs: a plan is pending; see `vernier plan`"
            ),
            Err(fault) => {
                tracing::error!(%fault, in_force, "the files are not sound; the catalogue that is in force runs");
            }
        }
    }
    let (first, second) = (programme.clone(), programme.clone());
    let one = |value: f64| vec![Sample { labels: Vec::new(), value }];
    let families = vec![
        Family::gauge(
            "vernier_catalogue_sequence",
            "Number of the catalogue that is in force, as far as this process has read.",
            move || one(crate::metrics::count(first.head())),
        ),
        Family::gauge(
            "vernier_catalogue_pending",
            "1 if the files beside this process differ from the catalogue that is in force: `vernier plan` says how.",
            move || one(f64::from(u8::from(differs(&second)))),
        ),
    ];
    process.page.add(families).map_err(|fault| Failure::Internal(fault.into()))
}

/// Waits while the log cannot be reached, and refuses topics that are not as they must be. False if the
/// process is to end before that.
fn wait_for_topics(process: &Process) -> Result<bool, Failure> {
    let config = &process.config.topics;
    let specs = crate::topics::ours(&process.config.topics(), config.partitions, config.replication_factor);
    while process.waits() {
        match streaming::topics::verify(process.log.as_ref(), &specs) {
            Ok(()) => return Ok(true),
            Err(TopicError::Log(fault @ LogError::Unavailable { .. })) => {
                tracing::warn!(%fault, "the log cannot be reached; trying again");
                thread::sleep(Duration::from_secs(1));
            }
            Err(fault) => return Err(Failure::Setup(fault.into())),
        }
    }
    Ok(false)
}
