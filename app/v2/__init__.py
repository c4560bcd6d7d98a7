"""The Open Inference Protocol (KServe's V2) over HTTP, with Triton's binary tensor extension.

Sources: the protocol's REST specification (github.com/kserve/open-inference-protocol) and Triton's "Binary Tensor Data
Extension" (github.com/triton-inference-server/server, docs/protocol).
"""
