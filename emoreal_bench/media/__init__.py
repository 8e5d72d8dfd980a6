"""Clips: decode once, sample frames by time, alter, and survive whatever a file contains.

``decode`` turns one clip into arrays in this process; ``pool`` does the same in
worker processes, under limits that hold even when a decoder hangs or crashes.
"""
