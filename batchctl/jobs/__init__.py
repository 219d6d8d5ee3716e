"""Ready-made jobs: one folder each, with its definition and, where it does work of its own, its step programs."""
