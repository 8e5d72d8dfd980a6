"""AVERE-7B and its base."""
