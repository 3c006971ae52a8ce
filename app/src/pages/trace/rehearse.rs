//! Makes the panel of a span once, out of sight, while nobody waits. A browser compiles each function of a program when
//! it first runs, and measures each kind of text when it first lays it out: the first click would wait for all that.
//! Nothing is asked of the server.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use model::{AttrValue, Event, Span};

use crate::browser::unseen::Unseen;
use crate::views::span_detail::{SpanDetail, SpanLoad};
use crate::views::stage::Stage;
use crate::views::trace_logs::LogLoad;

/// From when the page is made: rows and answer have been painted by then.
const AFTER_ROWS: Duration = Duration::from_millis(300);
/// The panel makes its lower parts a moment after its head.
const MADE_WITHIN: Duration = Duration::from_millis(200);

pub fn panel(stage: Stage, logs: RwSignal<LogLoad>) {
    let owner = Owner::new();
    set_timeout(
        move || {
            // The page may have gone meanwhile.
            if stage.is_open.try_get_untracked() != Some(false) || stage.staged().trace.is_empty() {
                return;
            }
            let Some(unseen) = Unseen::new("TracePage-panel", "width:440px") else {
                return;
            };
            let mut made = owner.with(|| {
                let load = SpanLoad::Ready(Arc::new(sample()));
                view! {
                    <SpanDetail
                        stage=stage
                        row=Signal::stored(0)
                        load=Signal::stored(load)
                        is_stale=Signal::stored(false)
                        other=Signal::stored(SpanLoad::Waiting)
                        logs=logs
                        retry=|()| ()
                    />
                }
                .build()
            });
            made.mount(unseen.element(), None);
            unseen.lay_out();
            set_timeout(
                move || {
                    unseen.lay_out();
                    drop((made, owner));
                },
                MADE_WITHIN,
            );
        },
        AFTER_ROWS,
    );
}

/// A span with something of each kind.
fn sample() -> Span {
    let said = |key: &str, value: AttrValue| (key.to_owned(), value);
    let attributes = vec![
        said("http.request.method", AttrValue::Str("GET".to_owned())),
        said("http.response.status_code", AttrValue::Int(200)),
        said("db.query.text", AttrValue::Str("SELECT 1".to_owned())),
    ];
    let mut span = Span { attributes: attributes.clone(), ..Span::default() };
    span.events.push(Event {
        name: "exception".to_owned(),
        attributes: attributes.clone(),
        ..Event::default()
    });
    span.origin.resource = attributes;
    span
}
