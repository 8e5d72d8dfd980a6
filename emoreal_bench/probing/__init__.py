"""Runs set side by side: against each other, under other conditions, against published values."""
