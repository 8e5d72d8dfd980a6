"""What the drawn people sound like: words, voices, waves."""
