"""The page of one run, with every item and its clip."""
