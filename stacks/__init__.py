"""One program per cloud, one screen each and of the same shape, and the configuration they share."""
