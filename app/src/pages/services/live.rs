//! An answer that is asked for again every few seconds, and at once when what it depends on changes.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use api::Failure;
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::ApiError;

/// Figures are fresh within fifteen seconds: ten of a bucket, and the time between two questions.
const EVERY: Duration = Duration::from_secs(5);

pub struct Live<T: Send + Sync + 'static> {
    pub answer: RwSignal<Option<Arc<T>>>,
    /// Why there is no answer at all; a failure after one keeps the last.
    pub failed: RwSignal<Option<ApiError>>,
    /// The answer shown, if any, is to an older question.
    pub is_waiting: RwSignal<bool>,
    turn: RwSignal<u32>,
}

impl<T: Send + Sync + 'static> Clone for Live<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Live<T> {}

impl<T: Send + Sync + 'static> Live<T> {
    /// Asks with whatever `question` reads.
    pub fn follow<F>(question: impl Fn() -> F + 'static) -> Live<T>
    where
        F: Future<Output = Result<T, Failure>> + 'static,
    {
        let live = Live {
            answer: RwSignal::new(None),
            failed: RwSignal::new(None),
            is_waiting: RwSignal::new(true),
            turn: RwSignal::new(0),
        };
        let asked = StoredValue::new(0u32);
        Effect::new(move |_| {
            live.turn.track();
            asked.update_value(|n| *n += 1);
            let this = asked.get_value();
            let answer = question();
            spawn_local(async move {
                let answer = answer.await;
                // A later question may have been asked meanwhile, or the page left.
                if asked.try_get_value() == Some(this) {
                    live.take(answer);
                }
            });
        });
        let timer = set_interval_with_handle(
            move || {
                if !crate::browser::document().hidden() {
                    live.turn.update(|n| *n += 1);
                }
            },
            EVERY,
        );
        on_cleanup(move || {
            if let Ok(timer) = timer {
                timer.clear();
            }
        });
        live
    }

    pub fn again(self) {
        self.failed.set(None);
        self.turn.update(|n| *n += 1);
    }

    fn take(self, answer: Result<T, Failure>) {
        self.is_waiting.set(false);
        match answer {
            Ok(answer) => {
                // Told of nothing new, whoever shows the failure would make all they show anew.
                if self.failed.with_untracked(Option::is_some) {
                    self.failed.set(None);
                }
                self.answer.set(Some(Arc::new(answer)));
            }
            Err(failure) if self.answer.with_untracked(Option::is_none) => self.failed.set(Some(failure.0)),
            Err(_) => {}
        }
    }
}
