"""The preset that removes old logs, images and rows."""
