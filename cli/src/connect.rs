//! How commands reach the topics: the services' own configuration file, or brokers named on the command line.

use std::{path::PathBuf, sync::Arc};

use service::{Config, config::KafkaSection};
use streaming::Log;

/// Where the topics are.
#[derive(Clone, Debug, clap::Args)]
pub struct ConnectArgs {
    /// Configuration file of the services (YAML); the environment (`VERNIER__…`) counts as it does for them
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Kafka brokers as host:port, separated by commas, in place of those of the file
    #[arg(long, value_name = "BROKERS")]
    pub bootstrap_servers: Option<String>,
}

impl ConnectArgs {
    /// The settings.
    pub fn settings(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(servers) = &self.bootstrap_servers {
            config.log.embedded = None;
            match &mut config.log.kafka {
                Some(kafka) => kafka.bootstrap_servers.clone_from(servers),
                none => *none = Some(KafkaSection::new(servers)),
            }
        }
        Ok(config)
    }

    /// The settings, and the log that they name.
    pub fn open(&self) -> anyhow::Result<(Config, Arc<dyn Log>)> {
        let config = self.settings()?;
        let log = config.open_log()?;
        Ok((config, log))
    }
}
