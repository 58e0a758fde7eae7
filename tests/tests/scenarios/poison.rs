//! Records that nobody can use end in the dead letters as they came; the others are counted.

use std::time::Duration;

use pipeline_tests::{Cluster, Deployment, until};

#[test]
fn poison_is_kept_byte_by_byte_and_stops_nothing() {
    let deployment = Deployment::new(Cluster::shared(), "poison");
    let deep = "[".repeat(100_000);
    let poison: Vec<(&str, Vec<u8>)> = vec![
        ("raw.sshd", vec![0xff, 0xfe, 0x00, 0x80]),
        ("raw.sshd", b"no syslog line at all".to_vec()),
        ("raw.itsm", b"{\"number\":\"INC1\",".to_vec()),
        ("raw.itsm", b"\0\0\0\0".to_vec()),
        ("raw.itsm", deep.into_bytes()),
        ("raw.cmdb", b"[1,2,3]".to_vec()),
        ("raw.cmdb", b"{\"class_uid\":1e400,\"time\":\"\\ud800\"}".to_vec()),
        ("raw.scanner", "{\"\u{202e}\":\"\u{0}\"}".as_bytes().to_vec()),
        ("raw.hr", vec![b'{'; 700_000]),
    ];
    let sound = b"2026-11-02T10:00:00Z web-1 sshd[1]: Accepted publickey for ann from 192.0.2.7 port 22 ssh2".to_vec();
    let mut records = poison.clone();
    records.insert(4, ("raw.sshd", sound));
    deployment.write(records);
    let ingest = deployment.start("ingest");
    let read = until("every record to be read", Duration::from_mins(1), || {
        let (_, page) = ingest.get("/metrics")?;
        let total = |family: &str| -> u64 {
            let lines = page.lines().filter(|line| line.starts_with(&format!("{family}{{")));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
        };
        let counts = (total("vernier_ingest_read_total"), total("vernier_ingest_rejected_total"));
        if counts.0 == 10 {
            Ok((counts.1, total("vernier_ingest_published_total")))
        } else {
            Err(format!("{counts:?}"))
        }
    });
    assert_eq!(read, (9, 1), "rejected and published");
    let mut wanted: Vec<Vec<u8>> = poison.into_iter().map(|(_, bytes)| bytes).collect();
    let mut found = deployment.values(&deployment.topics().dead_letter);
    wanted.sort();
    found.sort();
    assert!(wanted == found, "{} dead letters for {} poisoned records, or other bytes", found.len(), wanted.len());
    ingest.stop();
}
