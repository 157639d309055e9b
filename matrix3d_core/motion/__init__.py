"""Living worlds: Gaussians at a time, and motions given to water, clouds, foliage, fire, lamps and objects."""
