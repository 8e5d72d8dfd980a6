"""How sure a score is: intervals clustered by clip, and paired comparisons."""
