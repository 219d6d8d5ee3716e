"""What will happen: simulation, preview, expected ends."""
