"""Decoded clips on disk, so that a clip is decoded once for all runs that want the same of it.

``entries`` turns a clip into the bytes of a file and back, ``store`` is the folder of them with
its bound on size, and ``decoder`` looks there before anything is decoded.
"""
