"""The formats of splat files, one record each; everything else that names a format is derived from these.

That is: reading and writing (`matrix3d_core.io.splats`), the choices, tooltips and file lists of nodes and the buttons
that upload, what the viewer opens (``web/viewer/splat_formats.mjs``), and the lists in ``README.md``, ``docs`` and the
help pages. The latter are files: ``scripts/make_format_lists.py`` writes them, and a test detects outdated ones.

To add a format: ``docs/extending.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

from ..errors import InvalidInput
from ..scene.gaussians import Gaussians
from .atomic import BinaryTarget
from .axes import OPENCV
from .gltf import read_glb, write_glb
from .html_world import write_html
from .ksplat import read_ksplat, write_ksplat
from .ply import read_ply, write_flat_ply, write_ply
from .sog import read_sog, write_sog
from .splat import read_splat, write_splat
from .spz import TAGGED_AXES, read_spz, write_spz

__all__ = ["FORMATS", "Preserved", "SplatFormat", "format_named"]


class Preserved(NamedTuple):
    """The precision of each property in a format, as text."""

    position: str = "float"
    scale: str = "float"
    rotation: str = "float"
    opacity: str = "float"
    color: str = "float"
    harmonics: str = "all"


@dataclass(frozen=True)
class SplatFormat:
    """One format of splat files.

    Attributes:
        name: identifier in functions and nodes.
        title: display name.
        suffix: of its files. Without a choice, a suffix means the format of that name.
        note: one clause for the choice.
        kept: precision of the numbers.
        write: ``write(target, gaussians)`` and `write_options` by name; may return a sentence on what was lost.
        read: ``read(source, drop_invalid=, findings=)`` and `read_options` by name. None where the format of the
            suffix's name reads the files, or none does.
        magic: first bytes of its files; empty where there are none.
        fits: whether a file may have that many bytes.
        axes: the default that programs expect.
        write_options: of ``axes`` (of the file, three letters) and ``info`` (`WorldInfo`) those that the writer takes.
        read_options: of `load_gaussians`' keywords those that the reader takes.
        host_type: ComfyUI's socket type for such a file, or empty.
        in_browser: whether the viewer opens it.
        preview: which worlds are passed to the viewer in it: "exact" ones, "large" ones, or none.
        keeps_labels: whether it stores the labels of each Gaussian.
        says_antialiased: whether it stores that flag.
        is_page: a page that shows the world: its axes are its own, and it needs no sidecar.
    """

    name: str
    title: str
    suffix: str
    note: str
    kept: Preserved
    write: Callable[..., str | None]
    read: Callable[..., Gaussians] | None = None
    magic: tuple[bytes, ...] = ()
    fits: Callable[[int], bool] = lambda size: True
    axes: str = OPENCV
    write_options: tuple[str, ...] = ()
    read_options: tuple[str, ...] = ()
    host_type: str = ""
    in_browser: bool = False
    preview: Literal["exact", "large", ""] = ""
    keeps_labels: bool = False
    says_antialiased: bool = False
    is_page: bool = False


def _write_spz(target: BinaryTarget, gaussians: Gaussians, *, axes: str, version: int) -> None:
    """Write an SPZ; version 4 names its axes, version 3 where they are unusual, both where there is a tag for them."""
    has_tag = axes in TAGGED_AXES and (version > 3 or axes != OPENCV)
    write_spz(target, gaussians, version=version, axes=axes if has_tag else None)


_FLAT_KEPT = Preserved(scale="float, two: no thickness", opacity="float, 1e-6 to 1 - 1e-6")
_SPZ_KEPT = Preserved(
    "1/4096 unit up to 2 km", "6 %", "0.3 degrees", "1/255", "1/38", "5 and 4 bits, within -1 to 1"
)

FORMATS = (
    SplatFormat(
        "ply",
        "PLY",
        ".ply",
        "read everywhere, lossless, with the labels of splats",
        Preserved(opacity="float, 1e-6 to 1 - 1e-6"),
        write_ply,
        read_ply,
        magic=(b"ply",),
        read_options=("opacity", "scale", "points"),
        host_type="File3DPLY",
        in_browser=True,
        preview="exact",
        keeps_labels=True,
        says_antialiased=True,
    ),
    SplatFormat(
        "spz",
        "SPZ",
        ".spz",
        "a tenth of the size; positions to 1/4096 unit, colors to 8 bits, harmonics to 4 or 5",
        _SPZ_KEPT,
        partial(_write_spz, version=3),
        read_spz,
        magic=(b"\x1f\x8b", b"NGSP"),
        write_options=("axes",),
        read_options=("most",),
        host_type="File3DSPZ",
        in_browser=True,
        preview="large",
        says_antialiased=True,
    ),
    SplatFormat(
        "splat",
        "SPLAT",
        ".splat",
        "for older viewers, without harmonics",
        Preserved(rotation="0.9 degrees", opacity="1/255", color="1/255", harmonics="none"),
        write_splat,
        read_splat,
        fits=lambda size: size > 0 and size % 32 == 0,
        host_type="File3DSPLAT",
        in_browser=True,
    ),
    SplatFormat(
        "ksplat",
        "KSPLAT",
        ".ksplat",
        "for older viewers, harmonics to degree 2",
        Preserved(opacity="1/255", color="1/255", harmonics="degree 2"),
        write_ksplat,
        read_ksplat,
        magic=(b"\0\1",),
        fits=lambda size: size > 4096,
        host_type="File3DKSPLAT",
        in_browser=True,
    ),
    SplatFormat(
        "sog",
        "SOG",
        ".sog",
        "smallest, slow to write",
        Preserved(
            "16 bits of a logarithm",
            "table of 256",
            "0.6 degrees",
            "1/255",
            "table of 256",
            "palette of up to 4096",
        ),
        write_sog,
        read_sog,
        magic=(b"PK",),
        read_options=("most",),
        in_browser=True,
        says_antialiased=True,
    ),
    SplatFormat(
        "glb",
        "GLB",
        ".glb",
        "glTF's KHR_gaussian_splatting",
        Preserved(),
        write_glb,
        read_glb,
        magic=(b"glTF",),
        axes="LUF",
        read_options=("most",),
    ),
    SplatFormat(
        "spz 4",
        "SPZ 4",
        ".spz",
        "as spz, unpacks faster, for newer readers",
        _SPZ_KEPT,
        partial(_write_spz, version=4),
        write_options=("axes",),
    ),
    SplatFormat(
        "html",
        "HTML",
        ".html",
        "a page with viewer and world, opens offline with a double click",
        _SPZ_KEPT,
        write_html,
        write_options=("info",),
        is_page=True,
    ),
    SplatFormat(
        "ply 2dgs",
        "2DGS PLY",
        ".ply",
        "flat splats, two scales each, for programs of 2D Gaussians; splats that are not flat are refused",
        _FLAT_KEPT,
        write_flat_ply,
        keeps_labels=True,
    ),
    SplatFormat(
        "ply 2dgs flatten",
        "flattened 2DGS PLY",
        ".ply",
        "the same, but splats that are not flat lose their thickness",
        _FLAT_KEPT,
        partial(write_flat_ply, flatten=True),
        keeps_labels=True,
    ),
)
"""All formats, in the order in which nodes and tables name them."""

_BY_NAME = {form.name: form for form in FORMATS}


def format_named(name: str, *, to_read: bool = False) -> SplatFormat:
    """Return the format of a name, case-insensitive.

    Args:
        name: one of the records' names.
        to_read: return the one whose reader takes such files.

    Raises:
        InvalidInput: when there is none.
    """
    form = _BY_NAME.get(name.lower())
    if to_read and form is not None and form.read is None:
        form = _BY_NAME[form.suffix[1:]]
    if form is None or (to_read and form.read is None):
        names = ", ".join(form.name for form in FORMATS if form.read is not None or not to_read)
        what = "splat format to read" if to_read else "splat format"
        raise InvalidInput(f"{what} must be one of {names}; got {name!r}.")
    return form
