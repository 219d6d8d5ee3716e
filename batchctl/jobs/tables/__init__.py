"""The table presets: dated tables made from a template, summed up by month, dropped when they are old."""
