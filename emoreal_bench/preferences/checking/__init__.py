"""What a file of preference pairs teaches, and whether people agree with it."""
