"""The estimators, each with its source; a simulation tests the coverage or the error rate of each.

The unit is a fresh boot: every function takes one value per boot, along the last axis where it takes
arrays, so that a simulation calls the very code that the report calls. Where there are too few boots the
answer is infinite or None rather than a guess.
"""

CONFIDENCE = 0.95
