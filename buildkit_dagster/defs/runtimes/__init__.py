"""Where ingest jobs run, one file per runtime; `table.py` has them all by the name that a job's YAML uses.

Following remote work inside a Pipes session is in `defs/pipes/`; requests to a vendor are in `runtimes/`.
"""
