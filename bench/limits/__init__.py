"""The bare limits: the least that could answer the same requests, to measure this service by.

Each takes what this service takes and answers what it answers, on the same ONNX Runtime session, without metrics,
drift, logs, ids, limits or error messages. Called as ``python -m bench.limits.<name> PORT ARTIFACT``.
"""
