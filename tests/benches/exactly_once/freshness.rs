//! How old a figure on `/metrics` is: from the write of a source record to the first answer that counts it, through
//! ingest, aggregator and evaluator as processes.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use pipeline_tests::{Cluster, Deployment, Service};
use vernier::produce::Writer;

use crate::told;

const SAMPLES: usize = 120;

pub(crate) fn run() {
    let cluster = Cluster::start(1);
    for interval in [100, 500] {
        let mut found = measure(&cluster, interval);
        println!("commit interval {interval} ms: {}", told(&mut found));
    }
}

fn measure(cluster: &Cluster, interval: u32) -> Vec<Duration> {
    let deployment = Deployment::new(cluster, &format!("freshness-{interval}"));
    let file = deployment.folder().join("vernier.yaml");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, config.replace("commit_interval_ms: 200", &format!("commit_interval_ms: {interval}"))).unwrap();
    // One producer for all samples: the making of one takes longer than a commit.
    let mut writer = Writer::new(deployment.log(), None).unwrap();
    let topic: Arc<str> = Arc::from(deployment.source_topic("raw.sshd"));
    let mut write = |number: u64| {
        writer.write(&topic, attempt(number)).unwrap();
        writer.flush().unwrap();
    };
    // Below a number of attempts there is no figure.
    (0..50).for_each(&mut write);
    let services = ["ingest", "aggregator", "evaluator"].map(|service| deployment.start(service));
    let [.., evaluator] = &services;
    let mut known = wait_for(evaluator, 50);
    let mut found = Vec::new();
    let mut pause = 0;
    while found.len() < SAMPLES {
        // Not in step with the commits.
        pause = (pause + 37) % u64::from(interval);
        std::thread::sleep(Duration::from_millis(pause));
        let start = Instant::now();
        write(known);
        let seen = wait_for(evaluator, known + 1);
        if seen < known {
            // A new hour has begun.
            known = seen;
            continue;
        }
        known = seen;
        found.push(start.elapsed());
    }
    for service in services {
        service.stop();
    }
    found
}

fn attempt(number: u64) -> Vec<u8> {
    let time = service::clock::now();
    format!("{time} web-1 sshd[{number}]: Accepted password for ann from 192.0.2.7 port 4711 ssh2").into_bytes()
}

/// Asks again and again until so many attempts are counted; how many it says.
fn wait_for(evaluator: &Service, attempts: u64) -> u64 {
    let start = Instant::now();
    loop {
        let (_, page) = evaluator.get("/metrics").unwrap();
        let line = page.lines().find(|line| {
            line.starts_with("vernier_indicator_denominator{")
                && ["failed-authentication-ratio", "state=\"provisional\"", "group=\"all\""]
                    .iter()
                    .all(|part| line.contains(part))
        });
        let counted = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let counted = counted as u64;
        if counted >= attempts {
            return counted;
        }
        assert!(start.elapsed() < Duration::from_mins(2), "{counted} of {attempts} attempts are shown");
        std::thread::sleep(Duration::from_millis(2));
    }
}
