"""The report of a check, for people and for services."""
