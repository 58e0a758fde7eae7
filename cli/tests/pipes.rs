//! Output into a pipe that nobody reads any more ends quietly, whatever the command.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::{
    path::Path,
    process::{Command, Stdio},
};

#[test]
fn a_closed_pipe_is_no_fault() {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/auth.log");
    let source = format!("sshd={}", log.display());
    for arguments in [
        vec!["check"],
        vec!["explain", "isms/policy-review"],
        vec!["test", "schemas/constructs/vernier"],
        vec!["diff", "schemas", "schemas"],
        vec!["schema", "construct"],
        vec!["completions", "bash"],
        vec!["--help"],
        vec!["replay", "--received", "2026-03-01T12:30:00Z", "--source", &source],
        vec!["replay", "--received", "2026-03-01T12:30:00Z", "--source", &source, "--format", "csv"],
        vec!["replay", "--received", "2026-03-01T12:30:00Z", "--source", &source, "--format", "json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = Command::new(env!("CARGO_BIN_EXE_vernier"))
            .args(&arguments)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .stdout(Stdio::from(writer))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {error}");
        assert!(!error.contains("roken pipe") && !error.contains("panicked"), "{arguments:?}: {error}");
    }
}
