"""The small collecting core that all catalogue presets share; programs run as steps, with `batchctl.step` alone."""
