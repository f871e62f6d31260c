"""One kind of figure per module: drawing from plain values, nothing is computed here."""
