"""What it costs to count a guest's instructions."""
