-- A page of results asks for its traces by id: in every part there is a granule where each might be, and the filter
-- tells which of them to read. Two bytes a trace.
ALTER TABLE traces ADD INDEX IF NOT EXISTS i_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE traces MATERIALIZE INDEX i_trace;
