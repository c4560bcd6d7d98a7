"""The local Docker engine: the same concepts on one machine, for development and for trying a canary at no cost."""
