"""A small fit."""

import hashlib

from tiny_world import room_frames, room_geometry, straight_path

from matrix3d_core.optimize import kernels_numba as kernels
from matrix3d_core.optimize.loop import OptimizeConfig, optimize_gaussians

path = straight_path(5)
frames, distance = room_frames(path)
config = OptimizeConfig(steps=30, max_gaussians=1500, crop_size_px=32, key_frame_stride=2)
fitted = optimize_gaussians(frames, path, geometry=room_geometry(), config=config).gaussians
print(hashlib.sha256(b"".join(t.contiguous().numpy().tobytes() for t in fitted.tensors())).hexdigest())
print(sum(kernels._finish.kernel.stats.cache_hits.values()))
