"""LoRA files: find them, read them whatever their naming, and fit them to a model's own names."""
