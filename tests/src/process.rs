//! Processes that end when the test does, whatever way it ends.
//!
//! Each runs under a small shell that waits for two things: the process, and the end of its own input.
//! The input is a pipe from here, and the kernel closes it whatever becomes of the test.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

const KEEPER: &str = r#"
log=$1; shift
exec 3<&0
"$@" </dev/null >>"$log" 2>&1 3<&- &
pid=$!
echo "$pid"
( cat <&3 >/dev/null; kill -9 "$pid" 2>/dev/null ) >/dev/null 2>&1 &
watch=$!
exec 3<&-
wait "$pid"
code=$?
kill "$watch" 2>/dev/null
echo "$code"
"#;

/// A running process.
#[derive(Debug)]
pub struct Process {
    name: String,
    keeper: Child,
    pid: String,
    exit: Mutex<mpsc::Receiver<i32>>,
    log: PathBuf,
}

impl Process {
    /// Starts a command whose output goes to a log file.
    pub fn start(name: &str, log: PathBuf, command: &[&OsStr], environment: &[(&str, &OsStr)]) -> Self {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&log)
            .args(command)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|fault| panic!("start {name}: {fault}"));
        let mut lines = BufReader::new(keeper.stdout.take().expect("its output is a pipe")).lines();
        let pid = lines.next().and_then(Result::ok).unwrap_or_else(|| panic!("{name} did not start"));
        let (sender, exit) = mpsc::channel();
        thread::spawn(move || {
            let code = lines.next().and_then(Result::ok).and_then(|line| line.parse().ok()).unwrap_or(-1);
            // The test may have ended by now.
            sender.send(code).ok();
        });
        Self { name: name.to_owned(), keeper, pid, exit: Mutex::new(exit), log }
    }

    /// Number of the process.
    pub fn id(&self) -> &str {
        &self.pid
    }

    /// What it has written so far.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its log file.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Sends a signal, such as `KILL`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(&self.pid).status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "{} (process {}) is not there any more",
            self.name,
            self.pid
        );
    }

    /// Waits for its end; the exit code, or 128 and the signal.
    pub fn wait(&self, deadline: Duration) -> i32 {
        self.exit().recv_timeout(deadline).unwrap_or_else(|_| {
            panic!("{} did not end within {} s; its log: {}", self.name, deadline.as_secs(), self.output())
        })
    }

    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        matches!(self.exit().try_recv(), Err(mpsc::TryRecvError::Empty))
    }

    /// Kills it, as a power cut would.
    pub fn kill(self) {
        self.signal("KILL");
        assert_eq!(self.wait(Duration::from_secs(10)), 137, "{} was not killed but ended", self.name);
    }

    fn exit(&self) -> MutexGuard<'_, mpsc::Receiver<i32>> {
        self.exit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks it to end and expects that it does, in good order.
    pub fn stop(self) {
        self.signal("TERM");
        let code = self.wait(Duration::from_secs(10));
        assert_eq!(code, 0, "{} ended with {code}: {}", self.name, self.output());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().ok();
    }
}
