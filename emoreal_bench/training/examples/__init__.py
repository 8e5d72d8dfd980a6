"""From pairs and clips to the batches that a model is trained on."""
