"""Text that goes in and out: placeholders, masking, making harmless."""
