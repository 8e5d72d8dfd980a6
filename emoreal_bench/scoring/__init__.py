"""From replies to scores: reading a reply, and counting what was read.

Scoring sees items and texts, never models. :mod:`.score` is the entrance.
"""
