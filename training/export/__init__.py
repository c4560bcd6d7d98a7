"""Export: a fitted pipeline as an ONNX graph that is proven to answer as scikit-learn does."""
