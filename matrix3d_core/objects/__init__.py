"""Objects in worlds: meshes as Gaussians, placed in the world's light, and taken out again; edited views."""
