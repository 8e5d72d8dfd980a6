"""A run on disk: its log, its manifest, its folder, and how a finished run is read."""
