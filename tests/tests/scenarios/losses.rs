//! Each of Vernier's topics is lost in turn: what is missing is named and built anew where that can be, and refused where it
//! cannot. Nothing that was published is ever published otherwise.

use std::{collections::BTreeMap, fs, io::Write as _, time::Duration};

use pipeline_tests::{Cluster, Deployment, Process, Service, deployment::Setup, until};
use records::ResultRecord;
use streaming::TopicPartition;

use crate::live::{event, folder, live};

const LONG: Duration = Duration::from_mins(2);
const MINUTE: i64 = 60_000;

/// Newest value of each construct, period and group.
fn values(entries: &[ResultRecord]) -> BTreeMap<(String, i64, String), String> {
    let key = |entry: &ResultRecord| (entry.construct.clone(), entry.period.start.0, entry.group_label());
    let said = |entry: &ResultRecord| format!("{:?} {:?} {}", entry.base, entry.value, entry.outcome);
    entries.iter().map(|entry| (key(entry), said(entry))).collect()
}

struct Bench {
    deployment: Deployment,
    /// How many events were written.
    number: usize,
}

impl Bench {
    /// Writes events of so many minutes ago until now.
    fn write(&mut self, minutes: i64) {
        let now = service::clock::now();
        let batch: Vec<_> = (0..minutes * 6)
            .map(|place| {
                self.number += 1;
                ("raw.idp", event(self.number, now.minus(minutes * MINUTE).plus(place * MINUTE / 6)))
            })
            .collect();
        self.deployment.write(batch);
    }

    fn start(&self) -> [Service; 3] {
        ["ingest", "aggregator", "evaluator"].map(|service| self.deployment.start(service))
    }

    /// Deletes a topic and makes it anew.
    fn lose(&self, topic: &str) {
        Cluster::shared().tool("org.apache.kafka.tools.TopicCommand", &["--delete", "--topic", topic]);
        until("the topic to be gone", LONG, || match self.deployment.log().describe(topic) {
            Ok(None) => Ok(()),
            seen => Err(format!("{seen:?}")),
        });
        let output = self.deployment.vernier(&["topics", "apply"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // This process's own clients still know the old one.
        until("the new topic to be seen", LONG, || {
            let end = self.deployment.log().end_offset(&TopicPartition::new(topic, 0));
            end.map(|_| ()).map_err(|fault| fault.to_string())
        });
    }

    /// Goes on until new events are in a closed period, and compares what was published before.
    fn goes_on(&mut self, name: &str, before: &BTreeMap<(String, i64, String), String>) {
        let services = self.start();
        until("the evaluator to be ready", LONG, || match services[2].get("/readyz") {
            Ok((200, _)) => Ok(()),
            seen => Err(format!("{name}: {seen:?} {}", services[1].process.output())),
        });
        let now = service::clock::now();
        self.deployment.write(
            (0..4)
                .map(|_| {
                    self.number += 1;
                    ("raw.idp", event(self.number, now))
                })
                .collect::<Vec<_>>(),
        );
        until("new events to be counted", LONG, || {
            let (start, value) = live(&services[2].address)?;
            let counted = start + MINUTE > now.0 && value != "null" && value != "\"0\"";
            if counted { Ok(()) } else { Err(format!("{name}: {start} {value}")) }
        });
        for service in services {
            service.stop();
        }
        let after = values(&self.deployment.ledger());
        for (key, said) in before {
            assert_eq!(after.get(key), Some(said), "{name}: {key:?}");
        }
    }

    /// A service ends by itself and says why.
    fn refuses(&self, service: &str, code: i32, why: &str) -> String {
        let process: Process = self.deployment.spawn(service, 0);
        assert_eq!(process.wait(LONG), code, "{}", process.output());
        let output = process.output();
        assert!(output.contains(why), "{why}: {output}");
        output
    }
}

#[test]
fn every_topic_is_lost_once() {
    let setup = Setup { catalogue: folder(), ..Setup::default() };
    let deployment = Deployment::of(Cluster::shared(), "losses", &setup);
    let topics = deployment.topics();
    let mut bench = Bench { deployment, number: 0 };
    bench.write(30);
    let services = bench.start();
    until("periods to be closed", LONG, || match bench.deployment.try_results()?.len() {
        enough if enough > 60 => Ok(()),
        few => Err(few.to_string()),
    });
    for service in services {
        service.stop();
    }
    let before = values(&bench.deployment.ledger());
    for topic in [&topics.measures, &topics.populations, &topics.late, &topics.dead_letter] {
        bench.lose(topic);
        bench.goes_on(topic, &before);
    }

    bench.lose(&topics.results);
    let output = bench.refuses("evaluator", 70, "entries were published");
    let hash = output.rsplit("accept_lost_ledger: ").next().unwrap();
    let hash: String = hash.chars().take_while(char::is_ascii_hexdigit).collect();
    assert_eq!(bench.deployment.ledger().len(), 0, "nothing is published again by itself");
    let config = bench.deployment.folder().join("vernier.yaml");
    let mut file = fs::OpenOptions::new().append(true).open(config).unwrap();
    writeln!(file, "accept_lost_ledger: {hash}").unwrap();
    bench.goes_on(&topics.results, &before);

    bench.lose(&topics.catalogue);
    bench.refuses("aggregator", 64, "catalogue 1 was in force");
    bench.refuses("evaluator", 64, "lost-catalogue");
    let plan = bench.deployment.vernier(&["plan"]);
    let said = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert_eq!(plan.status.code(), Some(2), "{said}");
    let digest = said.lines().find_map(|line| line.strip_prefix("Plan ")).unwrap();
    let arguments = ["apply", "--plan", digest, "--approver", "A", "--reason", "lost"];
    assert!(!bench.deployment.vernier(&arguments).status.success(), "not without saying that it is lost");
    let applied = bench.deployment.vernier(&[&arguments[..], &["--after-loss"]].concat());
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    bench.goes_on(&topics.catalogue, &before);

    bench.lose(&topics.events);
    bench.refuses("aggregator", 70, "the topic was deleted and created anew");
}
