"""What estimates mean: the study's headline comparisons, and the claims of others."""
