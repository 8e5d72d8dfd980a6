"""Replies that this program did not ask for: read from files of many kinds, kept as runs."""
