"""Fit Gaussians to posed images: initial points, losses, the loop."""
