//! `vernier demo`: the past, the present, a band that turns red, and an end in good order.

use std::{ffi::OsStr, time::Duration};

use pipeline_tests::{
    Folder, Process,
    deployment::{get, program, project},
    until,
};

#[test]
fn the_demo_shows_a_band_turning_red_and_ends_at_the_first_signal() {
    let folder = Folder::new();
    let program = program("vernier");
    let schemas = project().join("schemas");
    let arguments = ["demo", "--port", "0", "--scale", "0.05", "--catalogue"].map(OsStr::new);
    let mut command = vec![program.as_os_str()];
    command.extend(arguments);
    command.push(schemas.as_os_str());
    let demo = Process::start("demo", folder.join("demo.log"), &command, &[]);
    let address = until("the table", Duration::from_mins(2), || {
        let output = demo.output();
        let line = output.lines().find(|line| line.contains("/metrics")).ok_or_else(|| output.clone())?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).ok_or(line)?;
        Ok(url.trim_start_matches("http://").trim_end_matches("/metrics").to_owned())
    });
    until("the hour's ratio to turn red", Duration::from_mins(2), || {
        let (_, page) = get(&address, "/metrics")?;
        let red = page.lines().find(|line| {
            line.starts_with("vernier_indicator_band{")
                && ["failed-authentication-ratio", "provisional", "\"red\""].iter().all(|part| line.contains(part))
        });
        match red {
            Some(line) if line.ends_with(" 1") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    let (status, body) = get(&address, "/api/results").unwrap();
    assert!(status == 200 && body.contains("isms/audit-programme"), "{status} {body}");
    demo.signal("INT");
    assert_eq!(demo.wait(Duration::from_secs(20)), 0, "{}", demo.output());
    assert!(demo.output().contains("everything read was committed"), "{}", demo.output());
}
