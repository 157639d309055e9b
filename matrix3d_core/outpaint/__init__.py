"""A photo on the sphere with its distances, and the rest of the sphere continued without a model."""
