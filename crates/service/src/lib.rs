//! The process shell that all services share: the same flags, configuration, logs, health, metrics and
//! exit codes for whoever is on call.
//!
//! 1. [`shell`]: arguments, configuration, logs, signals; runs the worker and the HTTP listener;
//! 2. [`config`]: defaults, one YAML file, environment, flags;
//! 3. [`clock`]: the only place that reads the system's clock;
//! 4. [`topics`]: what Vernier's topics must be like;
//! 5. `in_force`: what is in force when a service starts;
//! 6. [`health`]: alive and ready;
//! 7. [`metrics`]: Prometheus exposition;
//! 8. [`http`]: the listener.

pub mod shell;
pub mod config;
pub mod clock;
pub mod topics;
mod in_force;
pub mod health;
pub mod metrics;
pub mod http;

pub use config::Config;
pub use health::Health;
pub use shell::{Context, Failure, Process, main};
