"""Splats to a mesh and a collider."""

from __future__ import annotations

import json

from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.splats.mesh import MeshConfig, decimate, for_gltf, mesh_from_gaussians
from ..matrix3d_core.splats.texture import TEXTURE_SIZES, texture_mesh
from ._adapters import gaussians_from_host, mesh_to_host
from ._host import Types, io, progress_to_host
from ._inputs import report_output, splat_backend_input, splat_input, trajectory_input
from ._search import SPLAT_WORDS

__all__ = ["NODES", "SplatMesh"]

_CATEGORY = "Matrix-3D/splat"
_LIMIT = 1e9
_NO_TEXTURE = "vertex colors"


class SplatMesh(io.ComfyNode):
    """Turn splats into a mesh and a collider."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        usual = MeshConfig()
        return io.Schema(
            node_id="SplatMesh",
            display_name="Splats to Mesh",
            category=_CATEGORY,
            description="Extracts a mesh with vertex colors or a texture from a world seen from inside: depth renders "
            "along the path are fused into a TSDF grid. Also outputs a low-poly collider.",
            search_aliases=[
                *SPLAT_WORDS,
                "splat mesh",
                "splat to mesh",
                "tsdf",
                "collider",
                "export mesh",
                "glb",
                "texture",
                "surface",
                "splat to glb",
                "ply to mesh",
                "3d to mesh",
            ],
            inputs=[
                splat_input("Gaussian splats; of a batch, the first."),
                io.Int.Input(
                    "resolution",
                    default=usual.resolution,
                    min=8,
                    max=1024,
                    step=8,
                    tooltip="Voxels along the longest side of the bounds. Doubling it takes 8 times the memory.",
                ),
                io.Float.Input(
                    "max_depth",
                    default=0.0,
                    min=0.0,
                    max=_LIMIT,
                    step=0.1,
                    tooltip="Maximum depth that is fused, world units; 0 = three times the median distance.",
                ),
                io.Int.Input(
                    "collider_faces",
                    default=5000,
                    min=4,
                    max=10_000_000,
                    step=100,
                    tooltip="Maximum number of triangles of the collider.",
                ),
                io.Int.Input(
                    "views",
                    default=usual.views,
                    min=1,
                    max=1000,
                    step=1,
                    advanced=True,
                    tooltip="Number of panoramic depth renders that are fused.",
                ),
                io.Int.Input(
                    "rows",
                    default=usual.rows,
                    min=16,
                    max=4096,
                    step=16,
                    advanced=True,
                    tooltip="Rows of these renders.",
                ),
                io.Float.Input(
                    "truncation",
                    default=usual.truncation,
                    min=1.0,
                    max=32.0,
                    step=0.5,
                    advanced=True,
                    tooltip="TSDF truncation distance in voxels. Larger is smoother.",
                ),
                io.Int.Input(
                    "min_faces",
                    default=usual.min_faces,
                    min=0,
                    max=10_000_000,
                    step=10,
                    advanced=True,
                    tooltip="Connected components with fewer triangles are removed.",
                ),
                io.Combo.Input(
                    "axes",
                    options=["glTF (y up)", "OpenCV (y down)"],
                    default="glTF (y up)",
                    advanced=True,
                    tooltip="glTF: upright and in linear color when saved as GLB. OpenCV: the splats' frame.",
                ),
                splat_backend_input(advanced=True),
                trajectory_input(
                    "Viewpoints from which the world is rendered. Without one: around the origin.",
                    optional=True,
                ),
                io.Combo.Input(
                    "texture",
                    options=[_NO_TEXTURE, *map(str, TEXTURE_SIZES)],
                    default=_NO_TEXTURE,
                    optional=True,
                    tooltip="Colors of the mesh: one per vertex, or a square texture of this many texels a side, "
                    "which shows far more detail. The collider has one color per vertex.",
                ),
            ],
            outputs=[
                io.Mesh.Output(display_name="mesh", tooltip="For Save 3D Model (GLB) and other mesh nodes."),
                io.Mesh.Output(display_name="collider", tooltip="The mesh, decimated."),
                report_output("JSON: voxel size, bounds, counts."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        resolution: int,
        max_depth: float,
        collider_faces: int,
        views: int,
        rows: int,
        truncation: float,
        min_faces: int,
        axes: str,
        backend: str,
        trajectory: Trajectory | None = None,
        texture: str = _NO_TEXTURE,
    ) -> io.NodeOutput:
        config = MeshConfig(resolution, max_depth, views, rows, truncation, min_faces, backend)
        world, progress = gaussians_from_host(splat), progress_to_host(cls.hidden.unique_id)
        mesh, found = mesh_from_gaussians(world, trajectory=trajectory, config=config, progress=progress)
        collider = decimate(mesh, collider_faces, progress=progress)
        report: dict[str, object] = {**found, "collider_faces": len(collider.faces)}
        if texture != _NO_TEXTURE:
            mesh, report["texture"] = texture_mesh(
                mesh,
                world,
                trajectory=trajectory,
                size_px=int(texture),
                views=views,
                tolerance=found["tolerance"],
                backend=backend,
                progress=progress,
            )
        if axes.startswith("glTF"):
            mesh, collider = for_gltf(mesh), for_gltf(collider)
        return io.NodeOutput(mesh_to_host(mesh), mesh_to_host(collider), json.dumps(report, indent=2))


NODES = [SplatMesh]
