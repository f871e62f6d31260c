"""How often the intervals of a campaign cover the truth, and how wide they are: simulated campaigns."""
