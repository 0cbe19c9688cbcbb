"""Telling people: facts about a run become one message, and messages reach the channels that are configured.

What is told and whether it is new is decided in `facts.py` and `news.py`, how it reads in `message.py`; `outbox.py`
keeps what could not be delivered, `channels.py` knows who is told. Reading runs is in `defs/`, whom to tell is in
`config/`.
"""
