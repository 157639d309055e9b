"""Diffusion of panoramas: circular VAE tiles, latent rolls, conditioning, sizes and the noise schedule."""
