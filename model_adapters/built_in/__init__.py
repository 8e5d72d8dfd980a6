"""Models that come with the package: blind baselines, scripted replies, the tiny family."""
