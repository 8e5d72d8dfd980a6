"""Judging: free descriptions, scored by another model.

A judge is a second run of the same line, whose items are the replies of the
first. So it is planned, logged, resumed, cached and counted like any run.
"""
