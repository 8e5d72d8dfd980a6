"""Who carries a run out besides this process: copies of the model on the machines of a cluster."""
