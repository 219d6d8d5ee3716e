"""What is wrong, and what people are told of it."""
