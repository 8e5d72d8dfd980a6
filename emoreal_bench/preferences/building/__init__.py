"""Where preference pairs come from: known cues, sampled answers, captions."""
