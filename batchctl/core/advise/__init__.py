"""What would fix a schedule that does not fit."""
