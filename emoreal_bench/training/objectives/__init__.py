"""What is optimised: losses, methods, and the reference that they need."""
