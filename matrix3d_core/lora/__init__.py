"""LoRA files: search, reading in any naming scheme, and matching to a model."""
