"""Telling people: what the end of a run causes is written into the outbox, and sent when the lock is free."""
