"""The domain, pure: no I/O, no clock, no import of the package above it."""
