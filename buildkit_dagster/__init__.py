"""A data platform as one Dagster asset graph. The public API is re-exported here."""
