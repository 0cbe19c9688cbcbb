"""One file per runtime: request builders, pollers and log readers, no Dagster."""
