"""Gemma 3n and Gemma 4."""
