"""Models that transformers runs here. A folder per family holds its inputs and its network."""
