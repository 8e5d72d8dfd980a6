"""A local model behind an endpoint that speaks Chat Completions."""
