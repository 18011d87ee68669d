"""Pure functions: arrays and tensors in, arrays and tensors out."""
