"""Runs and tables as files and records for other programs."""
