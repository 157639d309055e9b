"""Training: of LoRAs, of the reconstruction model, of the depth head; one loop for what accelerate runs."""
