"""The loss and its gradient, whose loops sum in vector code, where another compilation shows at once."""

import hashlib

import numpy as np

from matrix3d_core.optimize import kernels_numba as kernels

rng = np.random.default_rng(0)
picture, target = (rng.random((37, 41, 3), np.float32) for _ in range(2))
loss, gradient = kernels.loss_and_gradient(picture, target, rng.random((37, 41), np.float32), 0.2)
print(hashlib.sha256(gradient.tobytes()).hexdigest(), loss.hex())
print(sum(kernels._finish.kernel.stats.cache_hits.values()))
