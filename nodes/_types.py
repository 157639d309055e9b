"""Socket types of the pack; core's types are used wherever one exists."""

from __future__ import annotations

from ._host import io

GeometryType = io.Custom("MATRIX3D_GEOMETRY")
"""`matrix3d_core.scene.panorama.PanoramaGeometry`: panorama, ray distance, validity, sky."""

TrajectoryType = io.Custom("MATRIX3D_TRAJECTORY")
"""`matrix3d_core.scene.trajectory.Trajectory`: world-to-camera poses, OpenCV axes."""

DepthType = io.Custom("MATRIX3D_DEPTH")
"""float32 tensor ``[T, H, W]``: ray distance in world units, inf where nothing was hit."""

MoGeGeometryType = io.Custom("MOGE_GEOMETRY")
"""The host's own MoGe result (a dict with depth, mask, image, points)."""

GSSettingsType = io.Custom("MATRIX3D_GS_SETTINGS")
"""dict of fields of `matrix3d_core.optimize.config.OptimizeConfig` that replace the preset's."""

PlacementType = io.Custom("MATRIX3D_PLACEMENT")
"""`matrix3d_core.panorama.photo.Placement`: photos and where they lie in a panorama."""

LightInfoType = io.Custom("LOAD3D_LIGHT_INFO")
"""The host's lights: a list of dicts; hosts before 0.31 have no node that makes one."""

LRMType = io.Custom("MATRIX3D_LRM")
"""`_host_lrm.LoadedLRM`: a latent reconstruction model in the host's memory management."""
