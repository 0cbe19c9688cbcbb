"""The tags of everything the platform makes: what is wanted and why, and how each cloud wants it written.

`vocabulary.py` says which tags there are and which source wins, `wanted.py` finds their values, `rendering.py` writes
them for AWS and Google, `on_assets.py` for Dagster. Names are in `naming.py`, rules over plans in `rules/tags.py`.
"""
