"""GCP: Cloud Run in a private network, Artifact Registry, managed Prometheus, Cloud Run jobs."""
