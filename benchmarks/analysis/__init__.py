"""What the analysis costs; see README.md."""
