"""The one answer to "do these two runs differ?", under compare, check and ranks."""
