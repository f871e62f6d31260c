"""What a request costs the load generator, beside other generators."""
