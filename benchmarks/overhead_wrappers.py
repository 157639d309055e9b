"""Overhead of rolling the latent: KSampler in the host with and without the wrappers of `install_latent_roll`.

A random Wan of width 1024 and some blocks, at sizes from a few hundred tokens up; one prompt with CFG, the
same noise, plain and rolled, interleaved. On a busy machine the ratio of the two is noise, so the check
is on the time in the wrappers themselves, by clocks outside and inside of them, as a share of the run. Needs a
ComfyUI: COMFYUI_DIR, and an interpreter that has its requirements (run the script with it).

    COMFYUI_DIR=... python benchmarks/overhead_wrappers.py [--json] [--quick]
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import common  # noqa: E402

WIDTH, BLOCKS, STEPS, ROUNDS, SEED = 1024, 4, 3, 7, 0
SIZES = ((1, 32, 64), (3, 32, 64))
"""Latent frames, rows and columns: 512 and 1536 tokens."""
MOST = 0.03


def host_modules() -> None:
    """Make the host importable, on its CPU unless there is a GPU."""
    folder = os.environ.get("COMFYUI_DIR")
    if not folder:
        raise SystemExit("set COMFYUI_DIR to a ComfyUI folder")
    import torch

    sys.path.insert(0, folder)
    sys.argv = [sys.argv[0], *([] if torch.cuda.is_available() else ["--cpu"])]
    import comfy.options

    comfy.options.enable_args_parsing()


def load_pack() -> None:
    """Import the pack under a name of its own, as the host does."""
    spec = importlib.util.spec_from_file_location("matrix3d_pack", ROOT / "__init__.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{ROOT} holds no pack")
    module = importlib.util.module_from_spec(spec)
    sys.modules["matrix3d_pack"] = module
    spec.loader.exec_module(module)


def random_wan(
    width: int, blocks: int, *, ffn: int = 0, kind: str = "t2v", dtype: object = None, device: str = "cpu"
) -> object:
    """Return a model patcher with a random Wan 2.1 network: ``t2v``, or ``i2v`` with its 36 channels."""
    import comfy.ldm.wan.model
    import comfy.ops
    import comfy.sd
    import torch

    network = comfy.ldm.wan.model.WanModel(
        model_type=kind,
        in_dim=16 if kind == "t2v" else 36,
        dim=width,
        ffn_dim=ffn or 4 * width,
        num_heads=width // 128,
        num_layers=blocks,
        operations=comfy.ops.disable_weight_init,
        device="meta",
        dtype=dtype or torch.float32,
    )
    generator = torch.Generator(device).manual_seed(SEED)
    state = {}
    for name, value in network.state_dict().items():
        is_norm = "norm" in name and name.endswith("weight")
        state[name] = (
            torch.ones(value.shape, dtype=value.dtype, device=device)
            if is_norm
            else torch.randn(value.shape, generator=generator, dtype=value.dtype, device=device) * 0.02
        )
    del network
    return comfy.sd.load_diffusion_model_state_dict(state)


def run_size(model: object, size: tuple[int, int, int], rounds: int, steps: int = STEPS) -> tuple[list, list]:
    """Time one size; return result and check records."""
    import comfy.sample
    import torch
    from comfy.patcher_extension import WrappersMP
    from matrix3d_pack.nodes._host_roll import install_latent_roll

    generator = torch.Generator().manual_seed(SEED)
    latent = torch.zeros(1, 16, *size)
    noise = comfy.sample.prepare_noise(latent, SEED)
    conds = [[[torch.randn(1, 32, 4096, generator=generator), {}]] for _ in range(2)]
    turned, clock = model.clone(), Clock()
    kinds = (WrappersMP.SAMPLER_SAMPLE, WrappersMP.APPLY_MODEL)
    for kind in kinds:
        turned.add_wrapper_with_key(kind, "clock outside", clock.around)
    install_latent_roll(turned, "every step")
    for kind in kinds:
        turned.add_wrapper_with_key(kind, "clock inside", clock.within)

    def run(patcher: object) -> None:
        with torch.inference_mode():
            comfy.sample.sample(
                patcher, noise, steps, 5.0, "euler", "simple", *conds, latent, seed=SEED, disable_pbar=True
            )
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    wall, cpu, inside = time_interleaved(
        {"plain": lambda: run(model), "turned": lambda: run(turned)}, clock, rounds
    )
    tokens = size[0] * size[1] * size[2] // 4
    results = []
    for name in wall:
        entry = {"name": f"{name} {tokens} tokens", **common.spread(wall[name])}
        entry["median_cpu_s"] = common.median(cpu[name])
        results.append(entry)
        print(
            f"  {entry['name']:20} median {entry['median_ms']:8.1f} ms   {entry['median_cpu_s']:7.3f} s of CPU time"
        )
    share = common.median([mine / whole for mine, whole in zip(inside, wall["turned"], strict=True)])
    results[-1]["share_of_wrappers"] = share
    results[-1]["times_as_long_as_plain"] = common.ratio(wall["turned"], wall["plain"])
    ratio = results[-1]["times_as_long_as_plain"]
    print(f"  in the wrappers themselves: {100 * share:.3f} % of the run; {ratio:.3f} x plain")
    return results, [
        common.check(f"share of a run outside the wrappers, {tokens} tokens", 1 - share, least=1 - MOST)
    ]


class Clock:
    """Seconds spent around our wrappers, and inside them."""

    def __init__(self) -> None:
        self.outer = self.inner = 0.0

    def around(self, executor: object, *args: object, **kwargs: object) -> object:
        """Time the wrapper and all inside it."""
        start = time.perf_counter()
        answer = executor(*args, **kwargs)
        self.outer += time.perf_counter() - start
        return answer

    def within(self, executor: object, *args: object, **kwargs: object) -> object:
        """Time what is inside the wrapper."""
        start = time.perf_counter()
        answer = executor(*args, **kwargs)
        self.inner += time.perf_counter() - start
        return answer


def time_interleaved(
    contestants: dict, clock: Clock, rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]], list[float]]:
    """Run the contestants interleaved, in alternating order; return wall and CPU seconds and those of the wrapper."""
    wall, cpu = ({name: [] for name in contestants} for _ in range(2))
    inside = []
    for function in contestants.values():
        function()
    for index in range(rounds):
        names = list(contestants)
        for name in names if index % 2 else names[::-1]:
            clock.outer = clock.inner = 0.0
            before, start = time.process_time(), time.perf_counter()
            contestants[name]()
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(time.process_time() - before)
            if clock.outer:
                inside.append(clock.outer - clock.inner)
    return wall, cpu, inside


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0]).parse_args()
    host_modules()
    load_pack()
    where = common.machine()
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    model = random_wan(256 if options.quick else WIDTH, 1 if options.quick else BLOCKS)
    results, checks = [], []
    for size in SIZES[:1] if options.quick else SIZES:
        new_results, new_checks = run_size(model, size, 2 if options.quick else ROUNDS)
        results += new_results
        checks += new_checks
    settings = {
        "width": WIDTH,
        "blocks": BLOCKS,
        "steps": STEPS,
        "cfg": 5.0,
        "mode": "every step",
        "seed": SEED,
    }
    return common.finish("overhead_wrappers", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
