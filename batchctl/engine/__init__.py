"""What runs: one fire, from the question whether the job may start to the record of how it went."""
