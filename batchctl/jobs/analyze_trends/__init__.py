"""The preset that looks for trends in the collected data."""
