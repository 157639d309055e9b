"""Video latents and camera path to Gaussians in one pass of a network (latent reconstruction model)."""
