"""A small shop whose batches batchctl runs."""
