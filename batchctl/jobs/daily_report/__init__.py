"""The preset that writes the day's product statistics and collection report."""
