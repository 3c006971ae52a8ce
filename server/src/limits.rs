//! Every numeric bound in the process, with its reason. Whoever reaches one counts it in a metric.

use std::time::Duration;

/// The largest request body, decompressed. The OpenTelemetry Collector's default batches are far below it.
pub const REQUEST_MAX_BYTES: usize = 16 << 20;
/// How much of a refused body is still taken, and for how long, so that its sender gets to read the refusal.
pub const DISCARD_MAX_BYTES: usize = 64 << 20;
pub const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
/// Bodies being read and decoded at one time, all doors together. Beyond it senders are told to come back.
pub const INTAKE_IN_FLIGHT_MAX_BYTES: usize = 96 << 20;
/// How long a sender may take for one body. Slower ones hold bytes that others could use.
pub const BODY_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a body is unpacked between two looks at the limits.
pub const UNPACK_STEP_BYTES: usize = 64 << 10;
/// The window a zstd body may ask for, as a power of two: 16 MB, all its levels up to 22 without `--long`.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 24;
/// Bodies from here on are unpacked away from the threads that serve connections, so many at a time: JSON is several
/// times its size while it is read.
pub const HEAVY_FROM_BYTES: usize = 256 << 10;
pub const HEAVY_AT_A_TIME: usize = 2;
/// What a gRPC sender may have on the way to us without waiting for us to read it. Each connection may hold so much of
/// our memory. Stated rather than found out by hyper's measuring, whose pings some proxies take for an attack.
pub const GRPC_STREAM_WINDOW_BYTES: u32 = 1 << 20;
pub const GRPC_CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// One frame of it: four times what HTTP/2 begins with, a quarter of the work on heads.
pub const GRPC_FRAME_MAX_BYTES: u32 = 64 << 10;
/// A silent gRPC connection is asked for a sign of life this often.
pub const GRPC_KEEPALIVE: Duration = Duration::from_secs(60);
/// How long a browser may go by what it was told of who may send.
pub const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(2 * 3600);
/// What somebody who asks may send: a question is small, whoever asks it.
pub const QUESTION_MAX_BYTES: usize = 64 << 10;
/// Lines of the audit in one answer.
pub const AUDIT_DEFAULT_LINES: u32 = 100;
pub const AUDIT_MAX_LINES: u32 = 1_000;
/// A queue segment is sealed, and becomes one insert, at whichever of these comes first. 200,000 rows is where
/// larger blocks stop paying in the engine.
pub const SEGMENT_MAX_BYTES: usize = 48 << 20;
pub const SEGMENT_MAX_SPANS: u32 = 100_000;
pub const SEGMENT_MAX_AGE: Duration = Duration::from_millis(800);
/// One record: a request after checking and scrubbing. Rewriting a body may let it grow, never twofold.
pub const QUEUE_RECORD_MAX_BYTES: usize = 2 * REQUEST_MAX_BYTES;
/// Records waiting for the next group commit, the group being written included.
pub const QUEUE_PENDING_MAX_BYTES: usize = 32 << 20;
/// A sender waits for room among the pending records only while commits come at least this often.
pub const QUEUE_STALL_MAX: Duration = Duration::from_secs(2);
/// How often a segment is repaired again after the disk refused the first attempt.
pub const QUEUE_REPAIR_INTERVAL: Duration = Duration::from_secs(1);
/// What the queue may hold on disk before senders are refused: minutes of full load, hours of a usual one.
pub const QUEUE_DEFAULT_MAX_BYTES: u64 = 8 << 30;
/// How much of a segment is read at a time. It is held until its last record is turned into columns.
pub const QUEUE_READ_BYTES: usize = 1 << 20;
/// Origins remembered as stored. Forgetting one costs a row that is merged away.
pub const KNOWN_ORIGINS_MAX: usize = 200_000;
/// Nothing an engine does to one block takes longer, merges under full load included.
pub const INSERT_TIMEOUT: Duration = Duration::from_secs(120);
/// Connections to the metadata, which is read seldom and written hardly ever.
pub const META_CONNECTIONS_MAX: u32 = 4;
/// Valid ingest keys: a copy of them all is kept in memory. The command that makes keys refuses more.
pub const INGEST_KEYS_MAX: i64 = 10_000;
/// A key's name, and the highest rate that means anything.
pub const KEY_NAME_MAX_CHARS: usize = 100;
pub const KEY_RATE_MAX: u64 = 1_000_000_000;
/// How often that copy is brought up to date: a revoked key is good for no longer.
pub const INGEST_KEYS_REFRESH: Duration = Duration::from_secs(1);
/// How exactly it is known when a key was last used; each key in use costs a write this often.
pub const INGEST_KEY_USE_INTERVAL: Duration = Duration::from_secs(60);
/// How long a refused sender is asked to wait.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Receipts counted between two flushes: more come together in one row for each tenant and reason.
pub const RECEIPT_ROWS_MAX: usize = 10_000;
/// How often receipts enter the queue; what was counted since is lost when the process is killed.
pub const RECEIPT_FLUSH_INTERVAL: Duration = Duration::from_secs(2);
/// Services of one request that are told apart.
pub const RECEIPT_SERVICES_A_REQUEST: usize = 64;
/// The name of whatever is not told apart.
pub const RECEIPT_OTHER: &str = "(other)";
/// How much a refusal says of one thing; what senders wrote may be in it.
pub const REFUSAL_MAX_CHARS: usize = 300;
/// How much of a service's or key's name a receipt carries.
pub const RECEIPT_TEXT_MAX_CHARS: usize = 200;
/// Lines of one answer on receipts, and steps of their trends.
pub const RECEIPT_LINES_MAX: usize = 500;
pub const RECEIPT_STEPS: u64 = 60;
/// Requests whose bytes are remembered, as hashes, to notice that one comes twice: about a minute of full load.
pub const RECENT_REQUESTS: usize = 8_192;
/// A span that ended longer ago than this came late; much longer, or one of the future, has a wrong clock.
pub const LATE_AFTER: Duration = Duration::from_secs(10 * 60);
pub const CLOCK_BEHIND: Duration = Duration::from_secs(7 * 86_400);
pub const CLOCK_AHEAD: Duration = Duration::from_secs(5 * 60);

/// Spans of Skein's own work that wait to enter the queue; beyond it they are dropped.
pub const OWN_SPANS_WAITING_MAX: usize = 2_048;
/// How often such spans enter the queue, and how many at a time: together, what Skein may say of itself in a second.
pub const OWN_SPANS_INTERVAL: Duration = Duration::from_secs(2);
pub const OWN_SPANS_AT_ONCE: usize = 512;

/// An engine that does not answer the status page within this time is away.
pub const ENGINE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// Warnings and errors of Skein's own log that the status page remembers, and how much of each.
pub const SAID_KEPT: usize = 50;
pub const SAID_MAX_CHARS: usize = 400;
/// The status page's rates are taken over this long, from figures noted this often.
pub const STATUS_WINDOW: Duration = Duration::from_secs(60);
pub const STATUS_STEP: Duration = Duration::from_secs(5);

/// Room on the data folder's disk below which it is nearly full: merges write anew what they merge, gigabytes at a time.
pub const DISK_FREE_LOW_BYTES: u64 = 4 << 30;

/// What one sampled span may stand for in rates and counts: a sender that says more is not believed.
pub const ADJUSTED_COUNT_MAX: f64 = (1_u64 << 20) as f64;

/// TLS handshakes under way at once, and how long one may take.
pub const TLS_HANDSHAKES_MAX: usize = 256;
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the certificates' files are looked at.
pub const TLS_REFRESH_INTERVAL: Duration = Duration::from_secs(2);

/// Text a span may carry in one string (name, attribute, message) before it is refused as malformed.
pub const SPAN_MAX_BYTES: usize = 8 << 20;
/// How deep attribute values may nest.
pub const ATTRIBUTE_MAX_DEPTH: usize = 32;

/// What one piece of a trace may list. A trace with more in one batch becomes several pieces; each list is searched
/// from end to end for every span.
pub const PIECE_MAX_GROUPS: usize = 128;
pub const PIECE_MAX_NUMBERS: usize = 128;
pub const PIECE_MAX_TOKENS: usize = 8_192;

/// A query's memory and time in the engine.
pub const QUERY_MAX_MEMORY_BYTES: u64 = 2 << 30;
pub const QUERY_MAX_SECS: u64 = 30;
/// Rows of one block of the engine's answer, and bytes of a name in it: sixteen times what it sends.
pub const READ_BLOCK_MAX_ROWS: u64 = 1 << 20;
pub const READ_NAME_MAX_BYTES: u64 = 16 << 20;
/// Results of one search page.
pub const SEARCH_DEFAULT_LIMIT: u32 = 50;
pub const SEARCH_MAX_LIMIT: u32 = 1_000;
/// Candidates one search request may look at, and how long, before it answers with what it has and a cursor.
pub const SEARCH_MAX_CANDIDATES: usize = 20_000;
pub const SEARCH_MAX_TIME: Duration = Duration::from_secs(10);
/// Origins a search is narrowed down by; with more it looks at every piece.
pub const NARROW_ORIGINS_MAX: usize = 2_000;
/// Candidates looked at in one statement: their ids are part of its text, of which engines take 128 kB.
pub const SEARCH_CHUNK_MAX: usize = 1_000;
/// The same where what was found out about each is part of the text as well.
pub const ANALYSED_CHUNK_MAX: usize = 250;
/// Selections of one query: each has a bit of a number.
pub const QUERY_SELECTIONS_MAX: usize = 64;
/// Spans fetched at a time when a query says how spans lie to each other. A single trace with more is passed over,
/// and the answer says so.
pub const EVALUATE_MAX_SPANS: usize = 500_000;
/// Spans read to find out about traces that are not settled yet.
pub const FACTS_MAX_SPANS: u64 = 200_000;
/// Edges of a service graph, and traces not settled yet, and their spans, whose calls are counted on the spot.
pub const GRAPH_MAX_EDGES: usize = 20_000;
pub const GRAPH_MAX_UNSETTLED: usize = 4_000;
pub const GRAPH_MAX_UNSETTLED_SPANS: u64 = 10_000;
/// How far back a service graph reaches, and how far unless asked otherwise.
pub const GRAPH_MAX_SECS: u64 = 30 * 86_400;
pub const GRAPH_DEFAULT_SECS: u64 = 3_600;
/// Spans of a trace that is shown as a whole, and of all that is asked about it: some hundred megabytes here, and more
/// in a browser.
pub const TRACE_MAX_SPANS: usize = 2_000_000;
/// Different values of an attribute told of a trace, all together.
pub const TRACE_VALUES_MAX_BYTES: usize = 16 << 20;
/// How much of what tells a span from its siblings travels with a trace.
pub const FACT_MAX_CHARS: u32 = 160;
/// Words looked for within a trace; more do not narrow it further.
pub const TRACE_FIND_WORDS_MAX: usize = 6;
/// Attribute names offered, and links to other traces shown, of one trace: more than anyone reads.
pub const TRACE_KEYS_MAX: usize = 2_000;
pub const LINKED_SPANS_MAX: usize = 500;
/// Spans whose rank is told at a time, two screens of rows; longer names are not looked for, as the engine takes no more
/// than some hundred kilobytes of bound values.
pub const RANKED_SPANS_MAX: usize = 100;
pub const RANKED_NAME_MAX_BYTES: usize = 500;
/// A journey through linked traces: how many traces and hops it shows, how many links are followed at each, and how far
/// before and after a trace its neighbours are looked for. The page says which of them ended it.
pub const JOURNEY_MAX_TRACES: usize = 60;
pub const JOURNEY_MAX_HOPS: usize = 12;
pub const JOURNEY_MAX_LINKS: usize = 1_000;
pub const JOURNEY_REACH_SECS: u64 = 6 * 3_600;
/// Links to tools beside Skein: as many as fit in a line.
pub const LINK_TEMPLATES_MAX: usize = 12;

/// Whole spans held at a time while a trace is written out. One of no more is read in a single pass.
pub const SPANS_READ_AT_ONCE: usize = 1_000;
/// How much of a trace is written out before it goes on its way.
pub const ANSWER_PIECE_BYTES: usize = 64 << 10;
/// Origins kept in memory between questions.
pub const ORIGINS_CACHED_MAX_BYTES: usize = 16 << 20;

/// Steps of a report on services, about, and how far back one may reach: as long as the finest buckets are kept.
pub const HEALTH_STEPS: u64 = 60;
pub const HEALTH_MAX_SECS: u64 = 30 * 86_400;

/// Call paths read to say where an operation's time goes, and calls of each kind that stand for others.
pub const SERVICE_PATHS_MAX: usize = 20_000;
pub const EXEMPLARS_EACH: usize = 12;

/// How long things are kept unless told otherwise. A week is what people look back when they search.
pub const KEEP_SPANS_DAYS: u32 = 30;
pub const KEEP_SEARCH_DAYS: u32 = 7;
/// Days after which parts move to the warm volume, when its search is over, and to the cold one, when few ask for it.
pub const WARM_AFTER_DAYS: u32 = 7;
pub const COLD_AFTER_DAYS: u32 = 21;
pub const KEEP_FIGURES_DAYS: u32 = 30;
pub const KEEP_LOGS_DAYS: u32 = 14;
/// Ten years: beyond it a number of days is a mistake.
pub const KEEP_MAX_DAYS: u32 = 3_653;
/// A deletion on request waits this long for the engine, whose merges may keep it busy.
pub const ERASE_DEADLINE: Duration = Duration::from_secs(60);
/// Candidates looked at span by span for facets and heatmaps: counts are within a few percent of the whole.
pub const OVERVIEW_SAMPLE: u64 = 1_000;
/// Pieces that are looked through for such a sample in any case. With more, runs of ids are read whatever they hold
/// where that costs less: of as many traces as it takes for enough matches, and no more than these.
pub const OVERVIEW_MAX_PIECES: u64 = 200_000;
pub const OVERVIEW_RUNS_TRACES: u64 = 20_000;
/// Traces whose groups are counted one by one; beyond it, an even share of them.
pub const OVERVIEW_MAX_TRACES: u64 = 10_000;
/// Fields counted at once, values told of each, and matching spans looked at in one trace.
pub const FACETS_MAX: usize = 24;
pub const FACET_MAX_VALUES: usize = 50;
pub const FACET_MAX_SPANS: usize = 200;
pub const HEATMAP_MAX_COLUMNS: u32 = 500;
/// Traces of one root operation looked at to say what is typical: a median of 200 is steady. Their ids are part of a
/// statement's text.
pub const PEERS_CANDIDATES: u64 = 1_000;
pub const PEERS_MAX_TRACES: usize = 200;
/// Spans read of them, all together. At least one trace is read, however large.
pub const PEERS_MAX_SPANS: u64 = 200_000;
/// As long as none of them has more, they are read without asking first how large they are: as many in all, as a quarter
/// more than are wanted are read.
pub const PEERS_SMALL_SPANS: usize = 800;
/// Clocks are learned from calls no longer than this before and after a trace: they drift. Hosts beyond so many, of the
/// trace and its peers together, are not told of.
pub const CLOCK_WINDOW_SECS: u64 = 600;
pub const CLOCK_MAX_HOSTS: usize = 2_000;
/// How far from a trace its peers may be looked for.
pub const PEERS_MAX_SECS: u64 = 7 * 86_400;
/// Traces looked at on each side of an explanation: shares are within four percent. What pieces say of each is a
/// kilobyte or two, and a statement that names as many is read by the engine in one piece.
pub const EXPLAIN_MAX_TRACES: usize = 600;
/// Pieces that are looked through for the traces of a side, which costs tens of milliseconds. Where there may be more,
/// only about as many as the second number are, in so many even slices of what arrived, each little more than a granule.
pub const EXPLAIN_WHOLE_PIECES: u64 = 50_000;
pub const EXPLAIN_SLICED_PIECES: u64 = 12_000;
pub const EXPLAIN_SLICES: u64 = 24;
/// Traces named by any of these: as many as pieces that are looked through whole.
pub const EXPLAIN_MAX_CANDIDATES: usize = 50_000;
/// With fewer in the slices, they are looked for in wider ones, and with fewer than half as many there in all of the time:
/// no more are looked at then, each of which may be a granule of wide columns.
pub const EXPLAIN_FEW_TRACES: usize = 50;
/// Traces of each side that are looked at in their spans, where pieces cannot tell whether they are meant.
pub const EXPLAIN_VERIFIED_TRACES: usize = 200;
/// Traces whose spans are read for the names of what pieces know as tokens only, and how many spans of each.
pub const EXPLAIN_NAMED_TRACES: usize = 60;
pub const EXPLAIN_NAMED_SPANS: u32 = 500;
/// Traces of each side whose critical path is looked at, which for those not settled yet means reading their spans.
pub const EXPLAIN_TIMED_TRACES: usize = 40;
/// Numeric attributes that bounds are tried of: some fifty things each.
pub const EXPLAIN_MAX_NUMBERS: usize = 200;
pub const EXPLAIN_MAX_MAKERS: u32 = 5_000;
/// Longer values say nothing one could compare by.
pub const EXPLAIN_VALUE_MAX_BYTES: usize = 200;
/// What an explanation tells at most, of causes, of symptoms and of what goes with a service: more than anyone reads.
pub const EXPLAIN_MAX_FINDINGS: usize = 15;
/// Series of one metrics query, and their steps.
pub const SERIES_MAX: usize = 500;
pub const SERIES_MAX_STEPS: u64 = 1_440;
/// What completion offers at most.
pub const COMPLETE_MAX_KEYS: usize = 2_000;
pub const COMPLETE_MAX_VALUES: usize = 50;
/// Lines of a trace's log in one answer: far more than one reads, and a few megabytes.
pub const TRACE_LOGS_MAX_LINES: usize = 5_000;
/// A file with a trace to look at, which is read in memory; and how many are read at one time.
/// The browser knows the first, so as not to send what would be refused.
pub const TRACE_FILE_MAX_BYTES: usize = model::trace::TraceFile::MAX_BYTES;
/// What travels around a file.
pub const TRACE_FILE_FRAME_BYTES: usize = 1 << 10;
pub const TRACE_FILES_AT_ONCE: usize = 2;

/// A trace is settled when it has been quiet for this long: longer than senders usually hold spans back.
pub const SETTLE_QUIET_SECS: u32 = 30;
/// Spans refused at the door that are written down by their ids: of one request, and until the next flush. They are to
/// explain holes in traces; what is counted is counted in the receipts. Settling looks at this many, as far back.
pub const REFUSED_SPANS_A_REQUEST: usize = 200;
pub const REFUSED_SPANS_HELD: usize = 20_000;
pub const SETTLE_REFUSED_MAX: usize = 100_000;
pub const SETTLE_REFUSED_SECS: u32 = 3_600;
/// Settling goes slice by slice of this length, or of the quiet time when that is shorter.
pub const SETTLE_SLICE_SECS: u32 = 10;
/// How far back the earlier pieces of a trace are looked for, and how often one that never falls quiet is settled.
pub const SETTLE_LOOK_BACK_SECS: u32 = 900;
/// How long after its arrival a piece may be stored and still be settled: an engine may be away for so long.
pub const SETTLE_MAX_LAG_SECS: u32 = 86_400;
/// A statement of the settler may take this long.
pub const SETTLE_MAX_SECS: u64 = 120;
/// Traces and spans analysed at a time: ids are part of a statement's text, spans are held in memory. A larger trace is
/// taken alone.
pub const SETTLE_CHUNK_TRACES: usize = 2_000;
pub const SETTLE_CHUNK_SPANS: u64 = 200_000;
/// Traces analysed that are held in memory before they are stored, about a kilobyte each.
pub const SETTLE_RECORDS_HELD: usize = 10_000;
/// Incomplete traces of a slice that are looked up among those settled before, and how many of those that began long
/// before they arrived are read in full.
pub const SETTLE_LOOKUPS_MAX: usize = 4_000;
pub const SETTLE_WIDE_READS_MAX: usize = 50;
/// Call paths counted in one slice, and how deep.
pub const SETTLE_PATHS_MAX: usize = 50_000;
pub const SETTLE_PATHS_MAX_DEPTH: u32 = 64;

/// How long a stopping server waits for open requests to end.
pub const REQUESTS_DEADLINE: Duration = Duration::from_secs(10);
/// How long it then waits for the queue to be stored. What is left stays in the queue.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// Operations counted in one slice by what each did itself.
pub const SETTLE_WORK_MAX: usize = 50_000;
/// Operations and calls judged of each tenant, the busiest first; and tenants.
pub const ANOMALY_SERIES_MAX: u64 = 4_000;
pub const ANOMALY_CALLS_MAX: usize = 200_000;
pub const ANOMALY_TENANTS_MAX: usize = 100;
/// What is judged by: three hours and ten minutes.
pub const ANOMALY_BASE_SECS: u64 = 38 * 300;
/// Minutes that went by without being judged are judged later, but no more than these: an upgrade of the machine hides
/// nothing.
pub const ANOMALY_CATCH_UP_SECS: u64 = 1_800;
/// Closed anomalies that are read at the start, as their time is not learned from.
pub const ANOMALY_REMEMBERED_SECS: u64 = 8 * 86_400;
/// Anomalies of one answer.
pub const ANOMALIES_MAX: usize = 500;
/// How far back a list of anomalies reaches unless asked otherwise.
pub const ANOMALIES_DEFAULT_SECS: u64 = 86_400;
/// Events waiting for the webhook; how long one attempt may take, and how many there are, with pauses that double up
/// to a limit: about five minutes in all.
pub const WEBHOOK_QUEUE_MAX: usize = 100;
pub const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
pub const WEBHOOK_ATTEMPTS: u32 = 12;
pub const WEBHOOK_PAUSE_MAX: Duration = Duration::from_secs(60);
