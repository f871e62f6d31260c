"""What counts: rules for trials, checks of cells, and the checked evidence that estimates start from."""
