"""What every room stands on: errors, clocks, durations, files, records. Knows nothing of jobs."""
