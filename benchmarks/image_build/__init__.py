"""What it costs to make an image of a tree."""
