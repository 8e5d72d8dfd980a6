"""Preference pairs: build, read, check, balance and audit what AVEm-DPO is trained on."""
