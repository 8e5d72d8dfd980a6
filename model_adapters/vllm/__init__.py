"""Models that vLLM runs here."""
