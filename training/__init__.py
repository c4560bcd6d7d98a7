"""Training: from a table to a versioned, proven and gated artifact that the service can serve."""
