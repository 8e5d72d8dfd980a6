"""Training of checkpoints by preferences: losses, and what they are made of."""
