"""What a change brings, as one Markdown comment: the model, the infrastructure, the supply chain."""
