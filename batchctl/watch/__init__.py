"""What sees: where each job stands, its health, what was missed."""
