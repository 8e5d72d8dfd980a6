"""What a score rests on: a run under other conditions, repeated, and against published values."""
