"""One connection to the target: request bytes, the parser, the comparison with the reference."""
