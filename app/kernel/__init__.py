"""Tree ensembles without ONNX Runtime: a small C kernel that walks the arrays of any of them.

`packed` is the format of those arrays in an artifact, `build` compiles the kernel, `library` calls it, and `model`
makes the artifact's outputs of its sums. docs/adr/0004-tree-kernel.md says why.
"""

from pathlib import Path

LIBRARY = Path(__file__).with_name("trees.so")
"""The compiled kernel: made by this machine's compiler or with the image, and never part of an artifact."""
