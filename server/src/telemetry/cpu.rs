//! CPU time of a task on threads it shares with others: what the threads that go on with it use meanwhile.
//!
//! What the runtime does for it elsewhere (sockets that are read and written by a client's own task) is not counted.

use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use rustix::time::{ClockId, clock_gettime};

pub type CpuSeconds = Counter<f64, AtomicU64>;

struct Metered<F> {
    doing: Pin<Box<F>>,
    used: CpuSeconds,
}

/// Goes on with a task and counts what that takes.
pub fn metered<F: Future>(doing: F, used: &CpuSeconds) -> impl Future<Output = F::Output> {
    Metered { doing: Box::pin(doing), used: used.clone() }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let before = of_this_thread();
        let polled = self.doing.as_mut().poll(context);
        self.used.inc_by(of_this_thread().saturating_sub(before).as_secs_f64());
        polled
    }
}

fn of_this_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn work_is_counted_and_waiting_is_not() {
        let used = CpuSeconds::default();
        let began = Instant::now();
        metered(tokio::time::sleep(Duration::from_millis(300)), &used).await;
        assert!(used.get() < began.elapsed().as_secs_f64() / 2.0, "{} s of waiting", used.get());
        let before = (used.get(), of_this_thread());
        let working = async {
            while of_this_thread() < before.1 + Duration::from_millis(20) {
                std::hint::spin_loop();
            }
        };
        metered(working, &used).await;
        assert!(used.get() - before.0 >= 0.01, "{} s of work", used.get() - before.0);
    }
}
