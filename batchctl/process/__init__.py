"""The only place that starts, watches, identifies and ends processes."""
