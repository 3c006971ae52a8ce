//! Reads a trace from a file for whoever looks at it, and stores nothing.

use model::trace::{Builder, SpanRow, TraceFile, mark};
use model::{ApiError, ErrorCode, Span};
use tokio::sync::Semaphore;

use crate::limits::{TRACE_FILE_MAX_BYTES, TRACE_FILES_AT_ONCE};
use crate::wire::trace_file;

static READING: Semaphore = Semaphore::const_new(TRACE_FILES_AT_ONCE);

pub async fn read(file: Vec<u8>) -> Result<TraceFile, ApiError> {
    if file.len() > TRACE_FILE_MAX_BYTES {
        let hint = format!("files of up to {} MB are read", TRACE_FILE_MAX_BYTES >> 20);
        return Err(ApiError::new(ErrorCode::TooLarge, "this file is too large to be read here", hint));
    }
    let busy = || ApiError::new(ErrorCode::Busy, "other files are being read", "try again in a moment");
    let _permit = READING.try_acquire().map_err(|_| busy())?;
    tokio::task::spawn_blocking(move || opened(&file)).await.map_err(|error| {
        ApiError::new(ErrorCode::Internal, format!("reading the file failed: {error}"), "")
    })?
}

fn opened(file: &[u8]) -> Result<TraceFile, ApiError> {
    let hint = "OTLP JSON as exporters write it, or JSON that Jaeger's UI or API wrote";
    let spans = trace_file::read(file).map_err(|error| {
        ApiError::new(ErrorCode::BadRequest, format!("this file is no trace: {error}"), hint)
    })?;
    let mut builder = Builder::new();
    spans.iter().for_each(|span| builder.push(&row_of(span)));
    let trace_id = spans.first().map(|span| span.trace_id).unwrap_or_default();
    Ok(TraceFile { trace: builder.finish(trace_id), spans })
}

fn row_of(span: &Span) -> SpanRow {
    let has_exception = span.events.iter().any(|event| event.name == "exception");
    let marks = [
        (!span.events.is_empty(), mark::EVENTS),
        (!span.links.is_empty(), mark::LINKS),
        (has_exception, mark::EXCEPTION),
    ];
    let marks = marks.iter().filter(|(is_on, _)| *is_on).fold(0, |all, (_, bit)| all | bit);
    SpanRow {
        span_id: span.span_id,
        parent_id: span.parent_id,
        service: span.service.clone(),
        operation: span.operation.clone(),
        fact: span.status_message.clone(),
        peer: String::new(),
        kind: span.kind,
        status: span.status,
        start: span.start,
        duration: span.duration,
        marks: marks | mark::of_flags(span.flags),
        events: span.events.iter().map(|event| (event.time, event.name.clone())).collect(),
    }
}
