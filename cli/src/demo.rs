//! `vernier demo`: all services in one process on the embedded log; a synthetic organisation's past, then its
//! present.
//!
//! 1. [`live`]: what happens in the organisation while the demo runs;
//! 2. [`screen`]: the table.

pub mod live;
pub mod screen;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use evaluator::expose::View;
use measurement::{catalogue::Catalogue, time::Timestamp};
use service::{
    Config, Context, Failure, Health, Process, clock,
    config::{EmbeddedSection, LogFormat},
    metrics::Page,
    shell::{self, Running, Worker},
};
use streaming::{Log, embedded::EmbeddedLog};
use tokio::runtime::Runtime;

use crate::{check, generate::OrganisationArgs, generate::render, produce::Writer};
use screen::Screen;

/// Partitions of Vernier's topics.
const PARTITIONS: i32 = 3;

/// How close to the clock the end of every construct's newest period must be before the present begins: more
/// than the lateness of any source, in milliseconds.
const CLOSE: i64 = 2 * 3_600_000;

/// Arguments of `vernier demo`.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Folder of the catalogue
    #[arg(long, default_value = "schemas", value_name = "FOLDER")]
    pub catalogue: PathBuf,
    /// Port for the evaluator's /metrics and /api/results on loopback; ingest and aggregator take the next two. 0 takes free ones
    #[arg(long, default_value_t = 9464, value_name = "PORT")]
    pub port: u16,
    /// End after so many seconds; default: at Ctrl-C
    #[arg(long = "for", value_name = "SECONDS")]
    pub seconds: Option<i64>,
    /// The organisation.
    #[command(flatten)]
    pub organisation: OrganisationArgs,
}

/// Runs until Ctrl-C.
pub fn run(args: &DemoArgs, now: Timestamp) -> anyhow::Result<()> {
    // The table has the screen; what goes wrong is told all the same.
    shell::start_logs_at(LogFormat::Text, "warn");
    let catalogue = check::load(&args.catalogue)?;
    let log: Arc<dyn Log> = Arc::new(EmbeddedLog::new());
    let config = Config {
        catalogue: args.catalogue.clone(),
        log: service::config::LogConfig { embedded: Some(EmbeddedSection::default()), kafka: None },
        topics: service::config::TopicsConfig { partitions: PARTITIONS, replication_factor: 1, ..Default::default() },
        ..Config::default()
    };
    let mut specs = service::topics::ours(&config.topics(), PARTITIONS, 1);
    specs.extend(service::topics::of_sources(&catalogue, 1, 1));
    streaming::topics::apply(log.as_ref(), &specs)?;

    let mut screen = Screen::new();
    screen.say(&format!(
        "A synthetic organisation, {} months of its records, through the whole chain in one process.",
        args.organisation.months
    ))?;
    let mut writer = Writer::new(log.as_ref(), None)?;
    for raw in render::records(&args.organisation.organisation(now)) {
        writer.write(&Arc::from(raw.topic), raw.bytes)?;
    }
    let written = writer.finish()?;

    let runtime = shell::runtime()?;
    let stop = shell::stop_on_signals(&runtime);
    let base = Process {
        config,
        log: Arc::clone(&log),
        clock: clock::system(),
        stop: Arc::clone(&stop),
        health: Health::default(),
        page: Page::default(),
    };
    let services = Services::start(&base, args.port, &runtime)?;
    let end = args.seconds.map(|seconds| now.plus(seconds.saturating_mul(1000)));
    let outcome = show(&mut screen, &services, &base, &catalogue, written, end);
    stop.store(true, Ordering::Release);
    services.join()?;
    outcome?;
    screen.say("\nStopped: everything read was committed. The demo keeps nothing; `make demo-kafka` does.")
}

/// The three services.
struct Services {
    ingest: Running,
    aggregator: Running,
    evaluator: Running,
    ingest_page: Page,
    view: View,
}

impl Services {
    fn start(base: &Process, port: u16, runtime: &Runtime) -> anyhow::Result<Self> {
        let context = |offset: u16| {
            let port = if port == 0 { 0 } else { port.saturating_add(offset) };
            let mut context = Process { health: Health::default(), page: Page::default(), ..base.clone() };
            context.config.http.listen = format!("127.0.0.1:{port}");
            context
        };
        let first = context(1);
        let ingest_page = first.page.clone();
        let ingest = launch("vernier-ingest", &first, runtime, ingest::worker::set_up)?;
        let aggregator = launch("vernier-aggregator", &context(2), runtime, aggregator::set_up)?;
        let mut view = View::default();
        let evaluator = launch("vernier-evaluator", &context(0), runtime, |context| {
            let (worker, seen) = evaluator::worker::set_up_with_view(context)?;
            view = seen;
            Ok(worker)
        })?;
        Ok(Self { ingest, aggregator, evaluator, ingest_page, view })
    }

    /// Whether one of them has ended by itself.
    fn has_failed(&self) -> bool {
        [&self.ingest, &self.aggregator, &self.evaluator].iter().any(|service| service.has_ended())
    }

    fn join(self) -> anyhow::Result<()> {
        for (name, service) in [("ingest", self.ingest), ("aggregator", self.aggregator), ("evaluator", self.evaluator)]
        {
            service.join().map_err(into_error).context(name)?;
        }
        Ok(())
    }

    /// Source records read so far, as the metrics tell it.
    fn read(&self) -> u64 {
        let page = self.ingest_page.render().unwrap_or_default();
        let lines = page.lines().filter(|line| line.starts_with("vernier_ingest_read_total{"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }
}

fn launch(
    name: &'static str,
    context: &Process,
    runtime: &Runtime,
    start: impl FnOnce(&Context) -> Result<Worker, Failure>,
) -> anyhow::Result<Running> {
    let running = shell::launch(name, context, runtime, start).map_err(into_error)?;
    running.with_context(|| format!("{name} was stopped before it began"))
}

fn into_error(failure: Failure) -> anyhow::Error {
    match failure {
        Failure::Setup(error) | Failure::Internal(error) | Failure::Fenced(error) => error,
    }
}

/// Shows the past being read, then the present.
fn show(
    screen: &mut Screen,
    services: &Services,
    base: &Process,
    catalogue: &Catalogue,
    written: u64,
    end: Option<Timestamp>,
) -> anyhow::Result<()> {
    let over = |now: Timestamp| base.stop.load(Ordering::Acquire) || end.is_some_and(|end| now >= end);
    while !over(clock::now()) && !services.has_failed() {
        let read = services.read();
        screen.progress(read, written)?;
        let current = &services.view.get().current;
        // Everything is read, and every construct has come close to the present.
        let close = clock::now().minus(CLOSE);
        if read >= written && !current.is_empty() && current.iter().all(|row| row.period_end > close) {
            break;
        }
        thread::sleep(Duration::from_millis(200));
    }
    let mut live = live::Live::new(base.log.as_ref(), clock::now())?;
    let address = services.evaluator.address;
    while !over(clock::now()) && !services.has_failed() {
        let now = clock::now();
        let happening = live.go_on(now)?;
        screen.table(&services.view.get().current, catalogue, now, happening, address)?;
        thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}
