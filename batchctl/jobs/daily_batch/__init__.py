"""The preset `daily-batch`: three keyword searches over a product catalogue, then three market uploads."""
