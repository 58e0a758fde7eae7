//! Arguments, configuration, logs, signals; runs the worker and the HTTP listener.

use std::{
    io::Write as _,
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::Context as _;
use axum::Router;
use clap::Parser;
use measurement::catalogue::Catalogue;
use programme::Programme;
use streaming::{Clock, Log};
use tracing_subscriber::EnvFilter;

use crate::{
    clock,
    config::{Config, LogFormat},
    health::Health,
    http, in_force,
    metrics::Page,
};

/// Why a worker stopped, and the exit code that says so.
#[derive(Debug)]
pub enum Failure {
    /// Configuration, catalogue or topics are not as they must be: mend them first (64).
    Setup(anyhow::Error),
    /// Something broke; a restart may help (70).
    Internal(anyhow::Error),
    /// Another instance has the same name (77).
    Fenced(anyhow::Error),
}

impl Failure {
    const fn code(&self) -> u8 {
        match self {
            Self::Setup(_) => 64,
            Self::Internal(_) => 70,
            Self::Fenced(_) => 77,
        }
    }

    /// What went wrong.
    pub const fn error(&self) -> &anyhow::Error {
        match self {
            Self::Setup(error) | Self::Internal(error) | Self::Fenced(error) => error,
        }
    }
}

#[derive(Debug, Parser)]
struct Arguments {
    /// Configuration file (YAML); see deploy/vernier.yaml
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Which of several instances this is, from 0; no two may have the same
    #[arg(long, value_name = "NUMBER")]
    instance: Option<u32>,
    /// Address and port for /metrics, /healthz and /readyz; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Format of logs
    #[arg(long, value_enum)]
    log_format: Option<LogFormat>,
}

/// What a process has.
#[derive(Clone)]
pub struct Process {
    /// Settings.
    pub config: Config,
    /// The log.
    pub log: Arc<dyn Log>,
    /// The system's clock.
    pub clock: Clock,
    /// Set when the process is to end.
    pub stop: Arc<AtomicBool>,
    /// Alive and ready.
    pub health: Health,
    /// Metrics.
    pub page: Page,
}

/// What a worker is given: a process, and what is in force.
#[derive(Clone)]
pub struct Context {
    /// Settings.
    pub config: Config,
    /// The log.
    pub log: Arc<dyn Log>,
    /// The catalogue that was in force when the worker was set up.
    pub catalogue: Arc<Catalogue>,
    /// Its number.
    pub sequence: u64,
    /// All of them.
    pub programme: Programme,
    /// The system's clock.
    pub clock: Clock,
    /// Set when the process is to end.
    pub stop: Arc<AtomicBool>,
    /// Alive and ready.
    pub health: Health,
    /// Metrics.
    pub page: Page,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Process").field("config", &self.config).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Context").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Process {
    /// Whether the process is to go on, which is not ready yet.
    pub(crate) fn waits(&self) -> bool {
        self.health.beat((self.clock)());
        self.health.set_ready(false);
        !self.stop.load(Ordering::Acquire)
    }
}

impl Context {
    /// Whether the process is to go on. To be asked once around the worker's loop: it is the sign of life.
    pub fn go_on(&self, ready: bool) -> bool {
        self.health.beat((self.clock)());
        self.health.set_ready(ready);
        !self.stop.load(Ordering::Acquire)
    }
}

/// A worker that is set up: what more it serves over HTTP, and its loop.
pub type Worker = (Router, Box<dyn FnOnce() -> Result<(), Failure> + Send>);

/// Runs a service: its name and what it does, and how its worker is set up.
pub fn main(name: &'static str, about: &'static str, start: fn(&Context) -> Result<Worker, Failure>) -> ExitCode {
    let command =
        <Arguments as clap::CommandFactory>::command().name(name).about(about).version(env!("CARGO_PKG_VERSION"));
    let arguments = match command
        .try_get_matches()
        .and_then(|matches| <Arguments as clap::FromArgMatches>::from_arg_matches(&matches))
    {
        Ok(arguments) => arguments,
        Err(fault) => {
            fault.print().ok();
            return ExitCode::from(if fault.use_stderr() { 64 } else { 0 });
        }
    };
    match run(name, arguments, start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // The log may not be set up yet: people read the error stream.
            writeln!(std::io::stderr(), "{name}: {:#}", failure.error()).ok();
            ExitCode::from(failure.code())
        }
    }
}

/// Sets up logs: JSON lines or text on the error stream, filtered by `RUST_LOG`.
pub fn start_logs(format: LogFormat) {
    start_logs_at(format, "info");
}

/// The same with another filter where `RUST_LOG` is not set.
pub fn start_logs_at(format: LogFormat, otherwise: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(otherwise));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let outcome = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(false).try_init(),
    };
    if let Err(fault) = outcome {
        writeln!(std::io::stderr(), "logs were set up already: {fault}").ok();
    }
}

/// A flag that SIGINT or SIGTERM sets; a second signal ends the process at once.
pub fn stop_on_signals(runtime: &tokio::runtime::Runtime) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    runtime.spawn(async move {
        for round in 0..2 {
            wait_for_signal().await;
            if round == 0 {
                tracing::info!("stopping: committing what is done; a second signal ends at once");
                flag.store(true, Ordering::Release);
            }
        }
        std::process::abort();
    });
    stop
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => {
            tokio::signal::ctrl_c().await.ok();
        }
    }
}

fn run(
    name: &'static str,
    arguments: Arguments,
    start: fn(&Context) -> Result<Worker, Failure>,
) -> Result<(), Failure> {
    let config = configure(arguments).map_err(Failure::Setup)?;
    start_logs(config.log_format);
    tracing::info!(service = name, %config, "starting");
    let log = config.open_log().map_err(Failure::Setup)?;
    let runtime = runtime().map_err(Failure::Internal)?;
    let stop = stop_on_signals(&runtime);
    let process =
        Process { config, log, clock: clock::system(), stop, health: Health::default(), page: Page::default() };
    let Some(running) = launch(name, &process, &runtime, start)? else { return Ok(()) };
    running.join().inspect(|()| tracing::info!(service = name, "stopped")).inspect_err(|failure| {
        tracing::error!(service = name, error = format!("{:#}", failure.error()), "stopped");
    })
}

fn configure(arguments: Arguments) -> anyhow::Result<Config> {
    let mut config = Config::load(arguments.config.as_deref())?;
    config.instance = arguments.instance.unwrap_or(config.instance);
    config.http.listen = arguments.listen.unwrap_or(config.http.listen);
    config.log_format = arguments.log_format.unwrap_or(config.log_format);
    Ok(config)
}

/// The runtime of the HTTP listener and the signals; the work itself has a thread of its own.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().context("start the runtime")
}

/// A service that runs in this process.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    worker: thread::JoinHandle<Result<(), Failure>>,
}

impl Running {
    /// Waits for its end.
    pub fn join(self) -> Result<(), Failure> {
        let panicked = |_| Err(Failure::Internal(anyhow::anyhow!("the worker panicked; see the log")));
        self.worker.join().unwrap_or_else(panicked)
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.worker.is_finished()
    }
}

/// Listens, waits for the topics and for what is in force, sets the worker up and lets it run. `None` if the process is to end before that.
pub fn launch(
    name: &'static str,
    process: &Process,
    runtime: &tokio::runtime::Runtime,
    start: impl FnOnce(&Context) -> Result<Worker, Failure>,
) -> Result<Option<Running>, Failure> {
    let (listener, address) = runtime
        .block_on(http::bind(&process.config.http.listen))
        .with_context(|| format!("listen on {} (http.listen)", process.config.http.listen))
        .map_err(Failure::Setup)?;
    tracing::info!(service = name, %address, "listening");
    let Some(context) = in_force::context(process)? else { return Ok(None) };
    let (extra, worker) = start(&context)?;
    let router = http::router(context.page.clone(), context.health.clone()).merge(extra);
    runtime.spawn(http::serve(listener, router));
    let worker = thread::Builder::new()
        .name(name.to_owned())
        .spawn(worker)
        .context("start the worker")
        .map_err(Failure::Internal)?;
    Ok(Some(Running { address, worker }))
}
