"""Export: a model with its explanation as one file, checked against PyTorch before it is called done."""
