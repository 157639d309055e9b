"""Splat files: save and load worlds."""

from __future__ import annotations

import json
from dataclasses import replace

from ..matrix3d_core.errors import Matrix3DError
from ..matrix3d_core.io.axes import NAMED_AXES
from ..matrix3d_core.io.limits import MOST_GAUSSIANS
from ..matrix3d_core.io.ply import OPACITY_KINDS, SCALE_KINDS
from ..matrix3d_core.io.splat_formats import FORMATS, format_named
from ..matrix3d_core.io.splats import load_gaussians, write_gaussians
from ..matrix3d_core.io.world_json import describe_world, find_world_info, sidecar_path, write_world_info
from ..matrix3d_core.scene.trajectory import Trajectory
from ._adapters import gaussians_from_host, splat_to_host, world_info_of
from ._file_inputs import file_input
from ._host import Types, io, resolve_input_file, save_target, tell_user
from ._search import SPLAT_WORDS
from ._types import TrajectoryType

__all__ = ["NODES", "SplatLoad", "SplatSave"]

_AXES = {
    "auto": None,
    "OpenCV (y down)": NAMED_AXES["opencv"],
    "OpenGL (y up)": NAMED_AXES["opengl"],
    "Unity (y up, left-handed)": NAMED_AXES["unity"],
    "Unreal (z up, left-handed)": NAMED_AXES["unreal"],
    "Blender (z up)": NAMED_AXES["blender"],
    "glTF (y up, x left)": "LUF",
}
_READ = tuple(form for form in FORMATS if form.read is not None)
_SUFFIXES = tuple(form.suffix for form in _READ)
_PACKED = ", ".join(form.name for form in _READ if "most" in form.read_options)
_NO_FILE = "(no file)"
_POINTS = ("refuse", "balls")


class SplatSave(io.ComfyNode):
    """Write Gaussian splats into the output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatSave",
            display_name="Save Splats",
            category="Matrix-3D/files",
            description=f"Save splats: {', '.join(form.title for form in FORMATS)}.",
            search_aliases=[
                *SPLAT_WORDS,
                "splat save",
                "save splat",
                "export splat",
                "save gaussian",
                "export world",
                "save 3d",
                "html viewer",
                *(f"save {form.name}" for form in FORMATS),
            ],
            is_output_node=True,
            inputs=[
                io.Splat.Input("splat", tooltip="Gaussian splats. Each item of a batch gets its own file."),
                io.String.Input(
                    "filename_prefix",
                    default="matrix3d/world",
                    tooltip="Name below the output folder, subfolders with a slash; a number is added. "
                    "Placeholders such as %date:yyyy-MM-dd% work as in Save Image.",
                ),
                io.Combo.Input(
                    "format",
                    options=[form.name for form in FORMATS],
                    default="ply",
                    tooltip=" ".join(f"{form.name}: {form.note}." for form in FORMATS),
                ),
                io.Combo.Input(
                    "axes",
                    options=list(_AXES),
                    default="auto",
                    advanced=True,
                    tooltip="Axes of the file; positions, rotations and view-dependent colors are converted. auto: "
                    "what readers of the format assume (OpenCV, for glb glTF's). An HTML page needs none.",
                ),
                io.Boolean.Input(
                    "sidecar",
                    default=True,
                    optional=True,
                    advanced=True,
                    tooltip="Also write <name>.world.json: axes, scale, up, start pose, bounds, source, license. Load "
                    "Splats and the viewer read it.",
                ),
                io.String.Input(
                    "source",
                    default="",
                    advanced=True,
                    tooltip="Where the world comes from; for the sidecar.",
                ),
                io.String.Input(
                    "license",
                    default="",
                    advanced=True,
                    tooltip="What others may do with it; for the sidecar.",
                ),
                TrajectoryType.Input(
                    "trajectory",
                    optional=True,
                    tooltip="Its first pose is the viewer's start pose, and it tells whether units are meters.",
                ),
            ],
            outputs=[
                io.File3DSplatAny.Output(
                    display_name="model_3d",
                    tooltip="The saved file (the first of a batch).",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        filename_prefix: str = "matrix3d/world",
        format: str = "ply",
        axes: str = "auto",
        sidecar: bool = True,
        source: str = "",
        license: str = "",
        trajectory: Trajectory | None = None,
    ) -> io.NodeOutput:
        form = format_named(format)
        known = world_info_of(splat)
        saved, paths = [], []
        for index in range(max(1, splat.positions.shape[0])):
            gaussians = gaussians_from_host(splat, index=index)
            path, filename, subfolder = save_target(filename_prefix, form.suffix)
            letters = form.axes if form.is_page else _AXES[axes] or form.axes
            info = describe_world(
                gaussians, trajectory=trajectory, axes=letters, source=source, license=license
            )
            if known is not None and trajectory is None:
                info = replace(info, start_pose=known.start_pose, meters_per_unit=known.meters_per_unit)
            if known is not None:
                info = replace(info, coverage=known.coverage)
            for lost in write_gaussians(path, gaussians, kind=form.name, axes=letters, info=info):
                tell_user(cls.hidden.unique_id if cls.hidden else None, lost)
            if sidecar and not form.is_page:
                write_world_info(path, info)
            paths.append(path)
            saved.append({"filename": filename, "subfolder": subfolder, "type": "output"})
        shown = {"text": [str(path) for path in paths]} if form.is_page else {"3d": saved}
        return io.NodeOutput(Types.File3D(str(paths[0])), ui=shown)


class SplatLoad(io.ComfyNode):
    """Read Gaussian splats from the input folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatLoad",
            display_name="Load Splats",
            category="Matrix-3D/files",
            description=f"Load Gaussian splats from {', '.join(form.title for form in _READ)}, spherical harmonics "
            "included; PLYs also compressed, as text, and of other trainers. The report says what the file was "
            "taken for.",
            search_aliases=[
                *SPLAT_WORDS,
                "splat load",
                "load splat",
                "import splat",
                "load gaussian",
                "open world",
                "open ply",
                "3d file",
                "scan",
                *(f"load {form.name}" for form in _READ),
            ],
            inputs=[
                file_input(
                    "file",
                    "splat",
                    _SUFFIXES,
                    first=(_NO_FILE,),
                    tooltip="A splat file below the input folder. Press R to see new files.",
                ),
                io.Combo.Input(
                    "axes",
                    options=list(_AXES),
                    default="auto",
                    advanced=True,
                    tooltip="Axes of the file. auto: what the file or the world.json beside it says, else what is "
                    "usual for the format. Choose OpenGL when the world is upside down, as many SPZ files do.",
                ),
                io.Boolean.Input(
                    "drop_invalid",
                    default=False,
                    advanced=True,
                    tooltip="Drop splats with NaN, infinity, a zero rotation or implausible scales; else refuse the "
                    "file.",
                ),
                io.Combo.Input(
                    "opacity",
                    options=list(OPACITY_KINDS),
                    default=OPACITY_KINDS[0],
                    optional=True,
                    advanced=True,
                    tooltip="What the opacities of a PLY are. logit: the standard. probability: 0 to 1, as some "
                    "programs write them; choose it when the world looks too transparent. auto: detected, see the "
                    "report.",
                ),
                io.Combo.Input(
                    "scale",
                    options=list(SCALE_KINDS),
                    default=SCALE_KINDS[0],
                    optional=True,
                    advanced=True,
                    tooltip="What the scales of a PLY are. logarithm: the standard. linear: plain scales; choose it "
                    "when all splats look huge. auto: detected, see the report.",
                ),
                io.Combo.Input(
                    "points",
                    options=list(_POINTS),
                    default=_POINTS[0],
                    optional=True,
                    advanced=True,
                    tooltip="A PLY that is a plain point cloud or a mesh, not splats. balls: read its points as "
                    "opaque isotropic splats, sized by the distance to their neighbors.",
                ),
                io.Int.Input(
                    "max_splats",
                    default=0,
                    min=0,
                    max=1_000_000_000,
                    step=1_000_000,
                    optional=True,
                    advanced=True,
                    tooltip=f"Maximum number of splats that a compressed file ({_PACKED}) may decode to; a million "
                    "take 60 to 240 MB "
                    f"of memory. 0: one for each byte of the file, at most {MOST_GAUSSIANS // 1_000_000} million.",
                ),
            ],
            outputs=[
                io.Splat.Output(display_name="splat", tooltip="The splats, a batch of one."),
                io.String.Output(
                    display_name="report",
                    tooltip="JSON: number of splats, and how the file was interpreted (axes, opacity, scale, "
                    "antialiased, ...) with the input that overrides it.",
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, file: str = _NO_FILE) -> bool | str:
        if file in ("", _NO_FILE):
            return (
                f"a splat file ({', '.join(_SUFFIXES)}) must be chosen; there is none yet. Upload one with the node's "
                "button, or drop it on the node."
            )
        try:
            resolve_input_file(file)
        except Matrix3DError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, file: str | None = None, **_: object) -> str:
        if not file:
            return ""
        path = resolve_input_file(file)
        stats = [p.stat() for p in (path, sidecar_path(path)) if p.is_file()]
        return " ".join(f"{stat.st_mtime_ns} {stat.st_size}" for stat in stats)

    @classmethod
    def execute(
        cls,
        file: str,
        axes: str = "auto",
        drop_invalid: bool = False,
        opacity: str = OPACITY_KINDS[0],
        scale: str = SCALE_KINDS[0],
        points: str = _POINTS[0],
        max_splats: int = 0,
    ) -> io.NodeOutput:
        path = resolve_input_file(file)
        gaussians, report = load_gaussians(
            path,
            axes=_AXES[axes],
            drop_invalid=drop_invalid,
            opacity=opacity,
            scale=scale,
            points=points == "balls",
            most=max_splats or None,
        )
        info = find_world_info(path) if axes == "auto" else None  # else what it says is of other axes
        return io.NodeOutput(
            splat_to_host(gaussians, info=info), json.dumps(report, indent=2, ensure_ascii=False)
        )


NODES = [SplatSave, SplatLoad]
