"""Azure: Container Apps in a private network, Container Registry, managed Prometheus, Container Apps jobs."""
