"""Dagster Pipes clients, one per runtime."""
