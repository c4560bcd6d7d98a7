"""The other servers, each written as its own documentation has its users write, on scikit-learn and on ONNX Runtime.

``<name>.txt`` pins the environment that `bench.environments` makes for a peer; ``<name>_server.py`` runs in it. Its
packages are not among this project's, so a type checker cannot look into them here. Called as
``python -m bench.peers.<name>_server KIND FILE PORT …``; KIND is ``sklearn`` or ``onnx``.
"""
