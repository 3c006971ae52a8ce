//! A region marked in the heatmap of a service's durations, and the ways from it: its traces, and what sets them apart
//! from the service's others.
//!
//! For tests: `[data-testid=marked]`, within it `[data-testid=marked-traces]` and `[data-testid=marked-explain]`.

use leptos::prelude::*;
use model::view::Region;

use crate::browser::clock::offset_minutes;
use crate::format::clock::{self, Zone};
use crate::format::{duration, duration_typed};
use crate::url::search::calls_of;
use crate::url::{ExplainView, SearchView, ServicesView, TimeRange};
use crate::views::heatmap::layout::Selection;

#[derive(Clone, PartialEq)]
pub struct Marked {
    words: String,
    traces: String,
    explain: String,
}

impl Marked {
    pub fn new(service: &str, view: &ServicesView, selection: Selection, zone: Zone) -> Marked {
        let base = SearchView {
            range: TimeRange::Last(view.length_secs),
            ..SearchView::about(calls_of(service, view.operation.as_deref()))
        };
        let mut found = base.clone();
        let mut words = Vec::new();
        if let Some((from, to)) = selection.time {
            found.range = TimeRange::Between(Some(from), Some(to));
            let time = |time| clock::time_millis(time, offset_minutes(zone, time))[..5].to_owned();
            words.push(format!("{} – {}", time(from), time(to)));
        }
        if let Some((from, to)) = selection.duration {
            // What takes no time at all needs no lower bound.
            if from.0 > 0 {
                found.q += &format!(" duration>={}", duration_typed(from));
            }
            found.q += &format!(" duration<{}", duration_typed(to));
            words.push(format!("{} – {}", duration(from), duration(to)));
        }
        let region = Region {
            q: Some(found.q.clone()),
            start: selection.time.map(|(from, _)| from),
            end: selection.time.map(|(_, to)| to),
            ..Region::default()
        };
        let explain = ExplainView { base, region }.url();
        Marked { words: words.join(", "), traces: found.url(), explain }
    }

    pub fn ways(self, marked: RwSignal<Option<Marked>>) -> impl IntoView {
        view! {
            <span class="Service-marked" role="status" data-testid="marked">
                {self.words}
                <a href=self.traces data-testid="marked-traces">"Its traces"</a>
                <a href=self.explain data-testid="marked-explain">"What sets them apart?"</a>
                <button
                    type="button"
                    class="Button is-small is-quiet"
                    aria-label="Mark nothing"
                    on:click=move |_| marked.set(None)
                >
                    "✕"
                </button>
            </span>
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Nanos, Timestamp};

    use super::*;
    use crate::url::Route;

    #[test]
    fn a_region_leads_to_its_traces_and_to_what_sets_them_apart() {
        let view = ServicesView { operation: Some("GET /x".into()), ..ServicesView::default() };
        let time = (Timestamp::from_secs(1_000), Timestamp::from_secs(1_060));
        let ms = |n: u64| Nanos(n * 1_000_000);
        let selection = Selection { time: Some(time), duration: Some((ms(200), ms(1_000))) };
        let marked = Marked::new("cart", &view, selection, Zone::Utc);
        assert_eq!(marked.words, "00:16 – 00:17, 200 ms – 1.0 s");
        let (path, query) = marked.explain.split_once('?').unwrap();
        let Route::Explain(explain) = Route::of(path, query) else { panic!("{}", marked.explain) };
        assert_eq!(explain.region.start.zip(explain.region.end), Some(time));
        assert_eq!(explain.region.q, Some(explain.base.q.clone() + " duration>=200ms duration<1s"));
        assert!(explain.region.q.is_some_and(|q| model::query::read(&q).is_ok()));
        // From nothing up.
        let selection = Selection { time: None, duration: Some((Nanos(0), ms(5))) };
        let marked = Marked::new("cart", &view, selection, Zone::Utc);
        assert!(!marked.traces.contains("duration%3E"), "{}", marked.traces);
    }
}
