"""Ray distance, sky, normals and classes from a picture alone: a small network over DINOv2 features."""
