"""Infrastructure components: the same concepts with the same names on Azure, AWS, GCP and the local Docker engine.

Only the package of the chosen cloud is imported, since each pulls in its cloud's SDK.
"""
