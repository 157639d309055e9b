"""Moves the left/right border of a panorama while the host samples it, by the host's stackable wrappers.

Two wrappers go onto a clone of the model. One stands around the sampler: it draws the plan of the run and
rolls the result where the mode leaves it rolled. One wraps the network: it rolls everything on the
latent's grid, looks up the step by the noise level, and rolls the output back. State of a run
lives in that run's own options, never on the model.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from comfy.patcher_extension import WrappersMP

from ..matrix3d_core.diffusion.latent_roll import (
    UPSTREAM_START,
    RollPlan,
    roll_aligned,
    roll_plan,
    roll_tokens,
    step_of_sigma,
)
from ..matrix3d_core.errors import InvalidInput

__all__ = ["ROLL_KEY", "install_latent_roll"]

logger = logging.getLogger(__name__)

ROLL_KEY = "matrix3d_latent_roll"
"""Name of our wrappers, and of a run's state among its transformer options."""


@dataclass(frozen=True)
class _Run:
    """One sampling run: its schedule, its plan, and the rows of its latent."""

    sigmas: tuple[float, ...]
    plan: RollPlan
    height: int


def install_latent_roll(
    model: Any,
    mode: str,
    *,
    start: float = UPSTREAM_START,
    seed: int | None = None,
    multiple: int = 0,
) -> None:
    """Roll a model's latent between sampling steps, so that the border does not stay in place.

    Works with every sampler of the host, on pictures ``[B, C, H, W]`` and videos ``[B, C, T, H, W]``,
    all items of a batch alike. Everything on the latent's grid is rolled with it: noise, concat latents,
    masks, reference latents of the latent's size, residuals of control networks. References of another
    size, CLIP features and text do not. The sampler itself and whatever hooks into it (previews, inpaint masks,
    guidance functions) see the latent as it is; after ``upstream t2p`` the result stays rolled.
    Regions that are narrower than the latent (area conditioning) are not rolled. When a sampler gets part
    of a schedule, its steps are counted within that part.

    Args:
        model: the host's model patcher, already cloned; the wrappers go onto it.
        mode: one of `ROLL_MODES`; see `roll_plan`. An earlier one on the clone is replaced; ``off``
            takes it away.
        start: share of the steps after which upstream's rolls begin.
        seed: of the rolls; None = the sampler's own seed.
        multiple: rolls are by multiples of this many latent columns; 0 = 1 for upstream's modes, which
            roll by any number, and 2 (whole patches of FLUX and Wan) for ``every step``.

    Raises:
        InvalidInput: for an unknown mode or numbers out of range.
    """
    step = multiple or (2 if mode == "every step" else 1)
    roll_plan(mode, 1, 2 * step, 0, start=start, multiple=step)  # bad numbers are refused now
    for kind in (WrappersMP.SAMPLER_SAMPLE, WrappersMP.APPLY_MODEL):
        model.remove_wrappers_with_key(kind, ROLL_KEY)
    if mode == "off":
        return

    def plan_for(steps: int, width: int, sampler_seed: int | None) -> RollPlan:
        number = seed if seed is not None else sampler_seed or 0
        return roll_plan(mode, steps, width, number, start=start, multiple=step)

    model.add_wrapper_with_key(WrappersMP.SAMPLER_SAMPLE, ROLL_KEY, _around_sampler(plan_for))
    model.add_wrapper_with_key(WrappersMP.APPLY_MODEL, ROLL_KEY, _around_network)


def _around_sampler(plan_for: Callable[[int, int, int | None], RollPlan]) -> Callable[..., Any]:
    """Return the wrapper that draws a run's plan, passes it on, and rolls the result."""

    def wrapper(
        executor: Any,
        guider: Any,
        sigmas: torch.Tensor,
        extra_args: dict,
        callback: Any,
        noise: Any,
        *rest: Any,
        **kw: Any,
    ) -> Any:
        if noise.ndim not in (4, 5):
            raise InvalidInput(
                "the latent roll needs one latent picture [B, C, H, W] or video [B, C, T, H, W]; got noise of shape "
                f"{list(noise.shape)}. Set latent_roll to off for this model."
            )
        plan = plan_for(len(sigmas) - 1, noise.shape[-1], extra_args.get("seed"))
        run = _Run(tuple(sigmas.tolist()), plan, noise.shape[-2])
        options = extra_args["model_options"]
        options = {
            **options,
            "transformer_options": {**options.get("transformer_options", {}), ROLL_KEY: run},
        }
        result = executor(
            guider, sigmas, {**extra_args, "model_options": options}, callback, noise, *rest, **kw
        )
        return torch.roll(result, -plan.final, dims=-1) if plan.final else result

    return wrapper


def _around_network(executor: Any, x: torch.Tensor, t: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Roll the network's input by the plan's offset, and its output back."""
    names = ("c_concat", "c_crossattn", "control", "transformer_options")
    inputs = {**dict(zip(names, args, strict=False)), **kwargs}
    run = (inputs.get("transformer_options") or {}).get(ROLL_KEY)
    if run is None or not run.plan.is_rolled or tuple(x.shape[-2:]) != (run.height, run.plan.width):
        return executor(x, t, *args, **kwargs)
    columns = run.plan.offsets[step_of_sigma(run.sigmas, float(t.flatten()[0]))]
    if columns == 0:
        return executor(x, t, *args, **kwargs)
    size = (run.height, run.plan.width)
    rolled = {
        name: value
        if name == "transformer_options"
        else (roll_tokens if name == "control" else roll_aligned)(value, columns, *size)
        for name, value in inputs.items()
    }
    given = [rolled.pop(name) for name in names[: len(args)]]
    answer = executor(roll_aligned(x, columns, *size), t, *given, **rolled)
    return torch.roll(answer, columns, dims=-1)
