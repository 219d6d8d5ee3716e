"""The preset that fetches, checks, resizes and re-encodes product images."""
