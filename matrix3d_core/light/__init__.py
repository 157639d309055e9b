"""Light of panoramas: irradiance, the sun, high dynamic range, and the light that falls on a world."""
