"""Instructions that a trial counts: samples, the window, the part ``work`` of a record."""
