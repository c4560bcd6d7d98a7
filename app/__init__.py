"""The prediction service: reads an artifact, answers predictions, reports on itself."""
