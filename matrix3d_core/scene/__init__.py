"""What a world is made of: frozen records of tensors."""
