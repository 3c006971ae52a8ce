-- Who points at a trace: asked whenever one is opened. Most spans have no links, so the index is next to nothing.
-- Parts stored before are read as they were, until they expire.
ALTER TABLE spans ADD INDEX IF NOT EXISTS i_linked links.trace_id TYPE bloom_filter(0.01) GRANULARITY 1;
