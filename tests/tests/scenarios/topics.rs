//! Topics: created as they must be; services refuse to work on others.

use std::time::Duration;

use pipeline_tests::{Cluster, Deployment, deployment::program};
use streaming::{Cleanup, Log as _, TopicSpec};

#[test]
fn services_refuse_topics_that_differ_and_name_the_setting() {
    let cluster = Cluster::shared();
    let deployment = Deployment::without_topics(cluster, "wrong-topics");
    let wrong = TopicSpec {
        name: deployment.topics().measures,
        partitions: 2,
        replication_factor: 1,
        cleanup: Cleanup::Delete,
        configs: std::collections::BTreeMap::new(),
    };
    cluster.log().create(&wrong).unwrap();
    let applied = deployment.vernier(&["topics", "apply", "--sources", "1"]);
    let told = String::from_utf8_lossy(&applied.stderr).into_owned();
    assert_eq!(applied.status.code(), Some(1), "{told}");
    for service in ["ingest", "aggregator", "evaluator"] {
        let output = std::process::Command::new(program(&format!("vernier-{service}")))
            .arg("--config")
            .arg(deployment.folder().join("vernier.yaml"))
            .output()
            .unwrap();
        let refused = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{service}: {refused}");
        for text in [&told, &refused] {
            for part in ["cleanup.policy is delete, must be compact", "partitions is 2, must be 3"] {
                assert!(text.contains(part), "{service}: `{part}` is not in: {text}");
            }
        }
    }
}

#[test]
fn applying_twice_changes_nothing() {
    let deployment = Deployment::new(Cluster::shared(), "twice");
    let again = deployment.vernier(&["topics", "apply"]);
    let told = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(again.status.success() && !told.contains("created"), "{told}");
    assert!(deployment.vernier(&["topics", "verify"]).status.success());
}

#[test]
fn brokers_that_do_not_keep_late_records_out_are_refused_by_name() {
    let cluster = Cluster::start(1);
    let deployment = Deployment::without_topics(&cluster, "brokers");
    let name = "transaction.partition.verification.enable";
    let alter = |how: &[&str], wanted: &str| {
        let all = ["--alter", "--entity-type", "brokers", "--entity-default"];
        cluster.tool("kafka.admin.ConfigCommand", &[&all, how].concat());
        pipeline_tests::until("the broker to take the setting over", Duration::from_secs(30), || {
            let settings = deployment.log().broker_settings().map_err(|fault| fault.to_string())?;
            let value = settings[&0].get(name).cloned();
            if value.as_deref() == Some(wanted) { Ok(()) } else { Err(format!("{value:?}")) }
        });
    };
    alter(&["--add-config", &format!("{name}=false")], "false");
    let applied = deployment.vernier(&["topics", "apply"]);
    let told = String::from_utf8_lossy(&applied.stderr).into_owned();
    assert_eq!(applied.status.code(), Some(1), "{told}");
    assert!(
        told.contains(&format!("broker 0: {name} is false, must be true; mend it with kafka-configs.sh")),
        "{told}"
    );
    assert!(deployment.log().describe(&deployment.topics().results).unwrap().is_none(), "nothing was created");
    alter(&["--delete-config", name], "true");
    let applied = deployment.vernier(&["topics", "apply"]);
    let told = String::from_utf8_lossy(&applied.stderr).into_owned();
    assert!(applied.status.success() && told.is_empty(), "{told}");
}

#[test]
fn a_service_waits_for_brokers_that_are_not_there_yet() {
    let deployment = Deployment::without_topics(Cluster::shared(), "no-broker");
    let file = deployment.folder().join("vernier.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let port = pipeline_tests::kafka::free_ports(1).remove(0);
    let nobody = format!("127.0.0.1:{port}");
    std::fs::write(&file, text.replace(&Cluster::shared().bootstrap_servers(), &nobody)).unwrap();
    let service = deployment.start("ingest");
    pipeline_tests::until("a warning", Duration::from_secs(40), || {
        let output = service.process.output();
        if output.contains("cannot be reached") { Ok(()) } else { Err(output) }
    });
    service.stop();
}
