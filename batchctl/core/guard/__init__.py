"""Whether a job may start, and which of its steps."""
