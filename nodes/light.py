"""Light: panoramas in high dynamic range, and worlds under another sun, at night, in fog."""

from __future__ import annotations

import json
import math
from typing import Any

import torch

from ..matrix3d_core.io.hdr import LIGHT_SUFFIXES, write_light
from ..matrix3d_core.light.tone import TONE_CURVES
from ..matrix3d_core.relight.daylight import direction_of_sun, sun_at_hour
from ..matrix3d_core.relight.environment import (
    environment_from_light,
    environment_from_pictures,
    stops_from_text,
)
from ..matrix3d_core.relight.lights import lamps_from_text, lights_from_host
from ..matrix3d_core.relight.relight import Fog, NewLight, relight_report, relight_world
from ..matrix3d_core.relight.views import lift_albedo, lift_normals
from ..matrix3d_core.scene.panorama import PanoramaGeometry
from ..matrix3d_core.scene.trajectory import Trajectory
from ._adapters import gaussians_from_host, image_from_host, images_from_host, splat_to_host
from ._host import Types, io, progress_to_host, save_target
from ._inputs import degrees_input, geometry_input, report_output, splat_input, splat_output, trajectory_input
from ._search import SPLAT_WORDS, WORLD_WORDS
from ._types import LightInfoType

__all__ = ["NODES", "PanoHDRI", "WorldRelight"]

_CATEGORY = "Matrix-3D/light"
_SUNS = ("time of day", "sun direction", "as it is")


def _curve_input() -> Any:
    return io.Combo.Input(
        "tone_curve",
        options=list(TONE_CURVES),
        default="filmic",
        advanced=True,
        tooltip="How light became display color. filmic: toe and shoulder, as in photos, generated pictures and most "
        "renders. srgb: the standard curve alone, clipped above white.",
    )


class PanoHDRI(io.ComfyNode):
    """Estimate the light of a panorama."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoHDRI",
            display_name="Panorama to HDRI",
            category=_CATEGORY,
            description="Turns one panorama, or several exposures of it, into linear light with a high dynamic range: "
            "finds the sun, gives it and clipped lamps their energy, and saves an environment map (EXR or Radiance).",
            search_aliases=[
                *WORLD_WORDS,
                "hdri",
                "hdr",
                "environment map",
                "sun direction",
                "image based lighting",
                "exr",
                "inverse tone mapping",
            ],
            is_output_node=True,
            inputs=[
                io.Image.Input("panorama", tooltip="One 2:1 panorama, or a batch of exposures of the same."),
                io.String.Input(
                    "stops",
                    default="",
                    tooltip="Exposure of each picture in stops, such as -2 0 2. Empty: estimated from the pictures.",
                ),
                _curve_input(),
                io.Combo.Input(
                    "format",
                    options=[suffix.removeprefix(".") for suffix in LIGHT_SUFFIXES],
                    default="exr",
                    tooltip="exr keeps float32 (needs the OpenEXR package); hdr is good to 1 in 256.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="matrix3d/hdri",
                    tooltip="Name below the output folder; a number is added. Subfolders with a slash.",
                ),
                geometry_input(
                    "From Panorama Depth: shadows then tell where the sun is and how strong it is, also when a house "
                    "or a cloud hides it.",
                    optional=True,
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="hdri",
                    tooltip="Linear light; the sun far above 1. For World Relight and renderers.",
                ),
                io.Float.Output(display_name="sun_yaw", tooltip="Degrees to the right of the center column."),
                io.Float.Output(display_name="sun_elevation", tooltip="Degrees above the horizon."),
                report_output("JSON: how the sun was found, how confident that is, and the saved file."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        panorama: torch.Tensor,
        stops: str,
        tone_curve: str,
        format: str,
        filename_prefix: str = "matrix3d/hdri",
        geometry: PanoramaGeometry | None = None,
    ) -> io.NodeOutput:
        found = environment_from_pictures(
            images_from_host(panorama, "panorama"),
            curve=tone_curve,
            stops=stops_from_text(stops),
            geometry=geometry,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        hdri = found.hdri()
        path, filename, subfolder = save_target(filename_prefix or "matrix3d/hdri", f".{format}")
        write_light(path, hdri)
        report = {**found.report, "file": f"{subfolder}/{filename}" if subfolder else filename}
        return io.NodeOutput(
            hdri[None],
            math.degrees(found.sun.yaw_rad),
            math.degrees(found.sun.elevation_rad),
            json.dumps(report, indent=2),
        )


class WorldRelight(io.ComfyNode):
    """Relight a world."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WorldRelight",
            display_name="World Relight",
            category=_CATEGORY,
            description="Shows a world in another light: another time of day or sun, with shadows cast by the world's "
            "own surfaces, night with lamps, fog. Only colors change.",
            search_aliases=[
                *SPLAT_WORDS,
                *WORLD_WORDS,
                "relight",
                "time of day",
                "sunset",
                "night",
                "fog",
                "shadows",
                "marigold",
            ],
            inputs=[
                splat_input("Gaussian splats; of a batch, the first is relit."),
                io.Image.Input(
                    "panorama",
                    tooltip="The panorama that the world was made from, or the hdri of Panorama to HDRI.",
                ),
                io.Boolean.Input(
                    "is_hdri",
                    default=False,
                    tooltip="Whether panorama is linear light, from Panorama to HDRI.",
                ),
                io.Combo.Input(
                    "light",
                    options=list(_SUNS),
                    default=_SUNS[0],
                    tooltip="time of day: hour and noon_yaw say where the sun is. sun direction: sun_yaw and "
                    "sun_elevation do. as it is: the sun stays; for fog, lamps and gains alone.",
                ),
                io.Float.Input(
                    "hour",
                    default=18.0,
                    min=0.0,
                    max=24.0,
                    step=0.25,
                    tooltip="Solar time of a late summer's day at 48 degrees north: sunrise before 5, sunset after 19.",
                ),
                degrees_input(
                    "noon_yaw", "Where the sun is at noon: degrees to the right of the center column."
                ),
                degrees_input("sun_yaw", "Degrees to the right of the panorama's center column."),
                degrees_input(
                    "sun_elevation", "Degrees above the horizon; below it, it is dusk and night.", 90.0, 30.0
                ),
                io.Float.Input(
                    "sun_gain",
                    default=1.0,
                    min=0.0,
                    max=20.0,
                    step=0.05,
                    tooltip="Factor of the sun's light.",
                ),
                io.Float.Input(
                    "sky_gain",
                    default=1.0,
                    min=0.0,
                    max=20.0,
                    step=0.05,
                    tooltip="Factor of the sky's light.",
                ),
                io.String.Input(
                    "lamps",
                    default="",
                    multiline=True,
                    tooltip="One lamp a line: x y z, then a brightness at 1 unit (2) and a color #rrggbb if wanted. "
                    "World axes, y down.",
                ),
                io.Float.Input(
                    "fog",
                    default=0.0,
                    min=0.0,
                    max=1e6,
                    step=1.0,
                    tooltip="Distance from the center at which fog hides two thirds of a thing, world units. 0 = none.",
                ),
                _curve_input(),
                geometry_input(
                    "From Panorama Depth: finds a sun that is not in sight by its shadows.", optional=True
                ),
                LightInfoType.Input(
                    "light_info",
                    optional=True,
                    tooltip="The host's lights: points and spots become lamps, the first directional one the sun.",
                ),
                io.Image.Input(
                    "albedo",
                    optional=True,
                    tooltip="Albedo of views of the world, one for each pose (Marigold V2): replaces our own estimate.",
                ),
                io.Image.Input(
                    "normals",
                    optional=True,
                    tooltip="Normals of the same views: red right, green up, blue towards the camera.",
                ),
                trajectory_input("Poses of albedo and normals.", optional=True),
            ],
            outputs=[
                splat_output("The same splats with other colors."),
                report_output("JSON: old and new sun."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        panorama: torch.Tensor,
        is_hdri: bool,
        light: str,
        hour: float,
        noon_yaw: float,
        sun_yaw: float,
        sun_elevation: float,
        sun_gain: float,
        sky_gain: float,
        lamps: str,
        fog: float,
        tone_curve: str,
        geometry: PanoramaGeometry | None = None,
        light_info: list | None = None,
        albedo: torch.Tensor | None = None,
        normals: torch.Tensor | None = None,
        trajectory: Trajectory | None = None,
    ) -> io.NodeOutput:
        progress = progress_to_host(cls.hidden.unique_id)
        world, picture = gaussians_from_host(splat), image_from_host(panorama, "panorama")
        if is_hdri:
            found = environment_from_light(picture, geometry=geometry, progress=progress)
        else:
            found = environment_from_pictures(
                picture[None], curve=tone_curve, geometry=geometry, progress=progress
            )
        more, directional = lights_from_host(light_info or [])
        angles = (math.radians(sun_yaw), math.radians(sun_elevation))
        if light == _SUNS[0]:
            angles = sun_at_hour(hour, math.radians(noon_yaw))
        sun = None if light == _SUNS[2] else direction_of_sun(*angles)
        new = NewLight(
            directional if directional is not None else sun,
            sun_gain,
            sky_gain,
            (*lamps_from_text(lamps), *more),
            Fog(fog) if fog else None,
        )
        pictures = (
            None if values is None else images_from_host(values, name)
            for name, values in (("albedo", albedo), ("normals", normals))
        )
        own, facing = pictures
        relit = relight_world(
            world,
            found,
            new,
            curve=tone_curve,
            albedo=lift_albedo(world, own, trajectory, progress=progress),
            normals=lift_normals(world, facing, trajectory, progress=progress),
            progress=progress,
        )
        return io.NodeOutput(splat_to_host(relit), json.dumps(relight_report(found, new), indent=2))


NODES = [PanoHDRI, WorldRelight]
