"""What people see: HTML that works without JavaScript."""
