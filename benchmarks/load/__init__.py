"""What a request costs the load generator, compared with other generators."""
