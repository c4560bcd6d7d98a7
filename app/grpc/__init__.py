"""The Open Inference Protocol over gRPC, an extra that GRPC_PORT switches on.

`messages` are the protocol's, `translate` makes a request over HTTP of a call and a message of its answer, and `server`
takes the calls. So there is one code that checks keys, validates, predicts, counts and logs, whichever way a request
comes. Source: the protocol's gRPC specification (github.com/kserve/open-inference-protocol).
"""
