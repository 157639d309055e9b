"""Features of pictures: the DINOv2 backbone, and where its weights come from."""
