"""What every page shares, and the server for this machine only."""
