//! Consumers that are closed without a bound on the time that takes: the client waits for brokers that may be gone.

use std::{sync::mpsc, thread, time::Duration};

use rdkafka::consumer::{BaseConsumer, ConsumerContext};

/// How long whoever drops a consumer waits for it to be closed. A member has left its group long before, unless
/// its coordinator is gone: then its session runs out.
const PATIENCE: Duration = Duration::from_secs(5);

/// A consumer whose drop takes [`PATIENCE`] at most.
pub(super) struct Closing<C: ConsumerContext + 'static>(Option<BaseConsumer<C>>);

impl<C: ConsumerContext + 'static> Closing<C> {
    pub(super) const fn new(consumer: BaseConsumer<C>) -> Self {
        Self(Some(consumer))
    }

    #[expect(clippy::expect_used, reason = "it is taken out in `drop` alone")]
    pub(super) fn get(&self) -> &BaseConsumer<C> {
        self.0.as_ref().expect("a consumer that is not dropped yet")
    }
}

impl<C: ConsumerContext + 'static> Drop for Closing<C> {
    fn drop(&mut self) {
        let Some(consumer) = self.0.take() else { return };
        let (closed, wait) = mpsc::channel();
        thread::spawn(move || {
            drop(consumer);
            // Nobody may be waiting any more.
            closed.send(()).ok();
        });
        if wait.recv_timeout(PATIENCE).is_err() {
            tracing::warn!("a consumer is still closing after {} s; not waiting for it", PATIENCE.as_secs());
        }
    }
}
