//! A trace from a file: chosen here, read by the server, shown like any other, stored nowhere.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::order::sort_by;
use model::trace::TraceFile;
use model::{ApiError, ErrorCode};

use super::on_stage::OnStage;
use crate::browser::{document, files};
use crate::views::stage::Staged;
use crate::widgets::message::title_of;

#[derive(Clone)]
enum Load {
    Asking,
    Reading,
    Ready(Arc<Staged>),
    Failed(ApiError),
}

#[component]
pub fn FilePage() -> impl IntoView {
    document().set_title("Open a file · Skein");
    let load = RwSignal::new(Load::Asking);
    let chosen = move |event| {
        let Some(file) = files::chosen(&event) else {
            return;
        };
        if file.size() > TraceFile::MAX_BYTES as f64 {
            return load.set(Load::Failed(too_large(file.size() as u64)));
        }
        load.set(Load::Reading);
        spawn_local(async move {
            let bytes = files::bytes(&file).await;
            load.set(match api::read_trace_file(bytes).await {
                Ok(file) => Load::Ready(Arc::new(staged(file).await)),
                Err(failure) => Load::Failed(failure.0),
            });
        });
    };
    let ask = move |note: Option<AnyView>| {
        view! {
            <section class="Message" data-testid="open-file">
                <h1 class="Message-title">"Look at a trace from a file"</h1>
                <p class="Message-text">"OTLP JSON, or JSON from Jaeger, up to 32 MB. The file is read and shown; nothing of it is stored."</p>
                {note}
                <div class="Message-actions">
                    <input class="Message-file" type="file" accept=".json,application/json" aria-label="Trace file" on:change=chosen />
                </div>
            </section>
        }
    };
    move || match load.get() {
        Load::Asking => ask(None).into_any(),
        Load::Reading => ask(Some(view! { <p role="status">"Reading the file"</p> }.into_any())).into_any(),
        Load::Failed(error) => {
            let note = view! {
                <div role="alert" data-testid="error-state">
                    <p><b>{title_of(error.code)}</b></p>
                    <p class="Message-text">{error.message}</p>
                    <p class="Message-hint">{error.hint}</p>
                </div>
            };
            ask(Some(note.into_any())).into_any()
        }
        Load::Ready(staged) => {
            let again = Callback::new(move |()| load.set(Load::Asking));
            view! {
                <OnStage
                    staged=staged
                    reload=again
                    is_loading=Signal::derive(|| false)
                    is_growing=Signal::derive(|| false)
                    scroll_top=StoredValue::new(0.0)
                    kept=StoredValue::new(None)
                />
            }
            .into_any()
        }
    }
}

fn too_large(bytes: u64) -> ApiError {
    let message = format!("This file has {} MB.", bytes.div_ceil(1 << 20));
    let hint = format!(
        "Files of up to {} MB are read here. Send a larger trace to Skein, or take a part of it.",
        TraceFile::MAX_BYTES >> 20
    );
    ApiError::new(ErrorCode::TooLarge, message, hint)
}

/// Whole spans in the order of the trace's rows.
async fn staged(file: TraceFile) -> Staged {
    let TraceFile { trace, mut spans } = file;
    // As rows are ordered: by start, then the longer one, then the id.
    sort_by(&mut spans, |span| (span.span_id.0, 0));
    sort_by(&mut spans, |span| (span.start.0, model::order::falling(span.duration.0)));
    let mut staged = Staged::new(trace).await;
    staged.local = spans.into_iter().map(Arc::new).collect();
    staged
}
