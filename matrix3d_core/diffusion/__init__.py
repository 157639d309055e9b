"""Diffusion on a ring: wrap-around VAE tiles, latent rolls, conditioning, sizes and the noise schedule."""
