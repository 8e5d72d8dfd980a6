"""``tiny/omni`` and its adapters, trained from nothing on synthetic clips.

``python -m recipes.tiny_omni build`` makes the family that is
shipped with the package; ``study`` repeats its preference stage over seeds.
Every stage leaves its result in the work folder and is skipped where it is there.
"""
