"""What a training leaves beside its weights: curves, model card, statistics."""
