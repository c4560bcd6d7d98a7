"""The model registry, MLflow's: every version is a run and a model version, two aliases say which serve.

MLflow's client is no part of a plain training's environment and slow to import: only who talks to a registry loads it.
"""
