"""Splat files: save and load worlds."""

from __future__ import annotations

from ..matrix3d_core.errors import Matrix3DError
from ..matrix3d_core.io.axes import turn_half_about_x
from ..matrix3d_core.io.splats import SPLAT_FORMATS, read_gaussians, write_gaussians
from ._adapters import gaussians_from_host, splat_to_host
from ._host import Types, input_files, io, resolve_input_file, save_target

__all__ = ["NODES", "SplatLoad", "SplatSave"]

_AXES = ["OpenCV (y down)", "OpenGL (y up)"]
_SUFFIXES = tuple(f".{kind}" for kind in SPLAT_FORMATS)


class SplatSave(io.ComfyNode):
    """Write Gaussian splats into the output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatSave",
            display_name="Splat Save",
            category="Matrix-3D/files",
            description="Save splats as PLY (lossless, read everywhere) or SPZ (a tenth of the size).",
            search_aliases=[
                "save splat",
                "export splat",
                "save ply",
                "save spz",
                "save gaussian",
                "export world",
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
                    options=list(SPLAT_FORMATS),
                    default="ply",
                    tooltip="ply: 32-bit floats, nothing is lost. spz: positions to 1/4096 unit, colours to "
                    "8 bits, spherical harmonics to 4 or 5.",
                ),
                io.Combo.Input(
                    "axes",
                    options=_AXES,
                    default=_AXES[0],
                    advanced=True,
                    tooltip="Axes of the file. OpenCV (x right, y down, z forward) is what core and most "
                    "tools expect. OpenGL turns the world by 180 degrees about x, for tools that show it on "
                    "its head.",
                ),
            ],
            outputs=[
                io.File3DSplatAny.Output(
                    display_name="model_3d",
                    tooltip="The saved file (the first of a batch).",
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        filename_prefix: str = "matrix3d/world",
        format: str = "ply",
        axes: str = _AXES[0],
    ) -> io.NodeOutput:
        saved, paths = [], []
        for index in range(max(1, splat.positions.shape[0])):
            gaussians = gaussians_from_host(splat, index=index)
            if axes == _AXES[1]:
                gaussians = turn_half_about_x(gaussians)
            path, filename, subfolder = save_target(filename_prefix, f".{format}")
            write_gaussians(path, gaussians)
            paths.append(path)
            saved.append({"filename": filename, "subfolder": subfolder, "type": "output"})
        return io.NodeOutput(Types.File3D(str(paths[0])), ui={"3d": saved})


class SplatLoad(io.ComfyNode):
    """Read Gaussian splats from the input folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatLoad",
            display_name="Splat Load",
            category="Matrix-3D/files",
            description="Load Gaussian splats from a PLY or SPZ file, spherical harmonics included.",
            search_aliases=[
                "load splat",
                "import splat",
                "load ply",
                "load spz",
                "load gaussian",
                "open world",
            ],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=input_files(_SUFFIXES),
                    tooltip="A .ply or .spz file below the input folder. Press R to see new files.",
                ),
                io.Combo.Input(
                    "axes",
                    options=_AXES,
                    default=_AXES[0],
                    advanced=True,
                    tooltip="Axes of the file. Choose OpenGL when the world stands on its head, as many SPZ "
                    "files do; it is turned by 180 degrees about x.",
                ),
                io.Boolean.Input(
                    "drop_invalid",
                    default=False,
                    advanced=True,
                    tooltip="Leave out splats with NaN, infinity or a zero rotation; else refuse the file.",
                ),
            ],
            outputs=[io.Splat.Output(display_name="splat", tooltip="The splats, a batch of one.")],
        )

    @classmethod
    def validate_inputs(cls, file: str) -> bool | str:
        try:
            resolve_input_file(file)
        except Matrix3DError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, file: str, **_: object) -> str:
        stat = resolve_input_file(file).stat()
        return f"{stat.st_mtime_ns} {stat.st_size}"

    @classmethod
    def execute(cls, file: str, axes: str = _AXES[0], drop_invalid: bool = False) -> io.NodeOutput:
        gaussians = read_gaussians(resolve_input_file(file), drop_invalid=drop_invalid)
        if axes == _AXES[1]:
            gaussians = turn_half_about_x(gaussians)
        return io.NodeOutput(splat_to_host(gaussians))


NODES = [SplatSave, SplatLoad]
