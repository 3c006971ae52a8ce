-- Nothing reads it any more: `pieces` has taken its place.
DROP TABLE IF EXISTS search;
