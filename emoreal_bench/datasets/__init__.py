"""Data sets as files: fetched, checked, laid out and re-encoded before a reader reads them."""
