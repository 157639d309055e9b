"""Checkpoints: upstream's nesting, prefix and junk; safetensors; and what is refused."""

import json
import pickle

import pytest
import torch
from hostile_checkpoints import bad_headers, odd_tensors
from safetensors import safe_open
from safetensors.torch import save_file
from tiny_lrm import published_shapes, tiny_latents, tiny_state, turning_path, write_upstream_file

from matrix3d_core.errors import FormatError, InvalidInput, WeightsMismatch
from matrix3d_core.lrm.config import CAMERAS, LRMConfig, config_from_shapes
from matrix3d_core.lrm.rays import ray_source
from matrix3d_core.lrm.weights import (
    HEADER_KEY,
    build_lrm,
    convert_weights,
    read_lrm_weights,
    sort_weights,
    write_weights,
)


@pytest.fixture(scope="module")
def state():
    return tiny_state()


@pytest.fixture
def upstream(tmp_path, state):
    path = tmp_path / "pano_lrm_480p.pt"
    write_upstream_file(path, state)
    return path


def output(model):
    rays = ray_source(turning_path(5), model.config, 64, 128)
    with torch.no_grad():
        return model(tiny_latents(2), rays)


def test_upstreams_file_with_nesting_prefix_and_junk_loads(upstream, state):
    weights = read_lrm_weights(upstream)
    assert weights.foreign == ("pipe.vae.model.decoder.conv1.bias", "pipe.vae.model.encoder.conv1.weight")
    assert len(weights.unused) == 12 + 2 + 8  # template layer, norm, one residual unit per head
    assert len(weights.tensors) == 257 - 8 - len(weights.unused)
    assert (
        "22 published tensors that are not used; 2 foreign tensors ignored (first pipe.vae"
        in weights.describe()
    )
    for name, tensor in weights.tensors.items():
        assert torch.equal(tensor, state[name]), name


@pytest.mark.parametrize("kept", ["layer1_rn", "layer_rn"])
def test_either_second_name_is_read(state, kept):
    drop = ".layer_rn." if kept == "layer1_rn" else "_rn.weight"
    half = {n: t for n, t in state.items() if not (drop in n and ("layer_rn" in n) == (kept == "layer1_rn"))}
    assert len(half) == 257 - 8
    weights = sort_weights(half, "half")
    assert torch.equal(
        weights.tensors["dpt_head_gs.dpt.scratch.layer3_rn.weight"],
        state["dpt_head_gs.dpt.scratch.layer3_rn.weight"],
    )


@pytest.mark.parametrize("prefix", ["", "module.gs_decoder1.", "model."])
def test_prefixes(state, prefix):
    weights = sort_weights({prefix + n: t for n, t in state.items()}, "x")
    assert len(weights.tensors) == 257 - 8 - 22
    assert not weights.foreign


@pytest.mark.parametrize(
    ("dtype", "stored"), [("bf16", torch.bfloat16), ("fp16", torch.float16), ("fp32", torch.float32)]
)
def test_converting_writes_a_slim_file_with_its_configuration(upstream, tmp_path, dtype, stored):
    target = tmp_path / "slim.safetensors"
    convert_weights(upstream, target, dtype=dtype, config={"camera": "perspective", "depth_max": 12.0})
    with safe_open(target, "pt") as file:
        header = file.metadata()
        assert {file.get_tensor(n).dtype for n in file.keys()} == {stored}
    assert header["source"] == "pano_lrm_480p.pt"
    assert json.loads(header["matrix3d_lrm"])["heads"] == 4
    again = read_lrm_weights(target)
    assert again.config.camera == CAMERAS[1]
    assert again.config.depth_max == 12
    assert not again.unused
    assert not again.foreign
    assert target.stat().st_size < upstream.stat().st_size
    if dtype == "fp32":
        convert_weights(upstream, target, dtype=dtype)
        for a, b in zip(
            output(build_lrm(read_lrm_weights(upstream))),
            output(build_lrm(read_lrm_weights(target))),
            strict=True,
        ):
            assert torch.equal(a, b)


def test_models_keep_half_precision_and_take_float32_otherwise(state):
    half = sort_weights({n: t.half() for n, t in state.items()}, "x")
    assert next(build_lrm(half).parameters()).dtype == torch.float16
    assert next(build_lrm(half, dtype=torch.bfloat16).parameters()).dtype == torch.bfloat16
    mixed = sort_weights({n: t.half() if "conv" in n else t for n, t in state.items()}, "x")
    assert next(build_lrm(mixed).parameters()).dtype == torch.float32


# Refusals ---------------------------------------------------------------------------------------------


def test_missing_tensors_are_an_error_that_names_them(state):
    part = {n: t for n, t in state.items() if not n.startswith("transformer_gs.layers.2.")}
    says = "x does not fit the reconstruction model: .*transformer_gs has|gs_layers|4 layers"
    with pytest.raises(WeightsMismatch, match=says):
        sort_weights(part, "x")
    part = {n: t for n, t in state.items() if "out_conv" not in n}
    with pytest.raises(
        WeightsMismatch, match=r"x does not fit .*: 16 of 227 tensors are missing \(dpt_head\.dpt.*13 more\)"
    ):
        sort_weights(part, "x")
    part = {n: t for n, t in state.items() if not n.startswith("deconv3d_sh")}
    with pytest.raises(
        WeightsMismatch, match=r"x: deconv3d_sh\.weight must be there with 5 dimensions; got nothing"
    ):
        sort_weights(part, "x")


def test_wrong_shapes_are_an_error(state):
    bad = {**state, "dpt_head.dpt.head.3.bias": torch.zeros(7)}
    with pytest.raises(
        WeightsMismatch, match=r"dpt_head\.dpt\.head\.3\.bias must be \[10\], got \[7\] \(1 such\)"
    ):
        sort_weights(bad, "x")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("blocks.0.self_attn.q.lora_A.default.weight", "a LoRA"),
        ("blocks.0.self_attn.q.weight", "a Wan diffusion model"),
        ("double_blocks.0.img_attn.qkv.weight", "an image diffusion model"),
        ("decoder.conv1.weight", "a VAE"),
        ("encoder.block.0.layer.0.SelfAttention.q.weight", "a text encoder"),
    ],
)
def test_files_of_another_family_say_what_they_look_like(tmp_path, name, what):
    save_file({name: torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(
        WeightsMismatch, match=rf"other.safetensors must hold .* looks like {what} \({name}\)"
    ):
        read_lrm_weights(tmp_path / "other.safetensors")


@pytest.mark.parametrize("kind", ["pt", "safetensors"])
@pytest.mark.parametrize("share", [0.1, 0.6, 0.99])
def test_truncated_files_say_so(tmp_path, state, kind, share):
    path = tmp_path / f"cut.{kind}"
    if kind == "pt":
        write_upstream_file(path, state)
    else:
        save_file({n: t.clone() for n, t in state.items()}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(FormatError, match=rf"cut.{kind} is truncated"):
        read_lrm_weights(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"<!DOCTYPE html>", "web page"),
        (b"hello, world, this is text", "neither a safetensors file nor a torch file"),
    ],
)
def test_files_that_are_no_models(tmp_path, content, says):
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=says):
        read_lrm_weights(path)
    with pytest.raises(FormatError, match=r"gone\.pt does not exist"):
        read_lrm_weights(tmp_path / "gone.pt")


class _Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_code_in_a_file_is_not_run(tmp_path):
    mark = tmp_path / "ran"
    for protocol, name in ((2, "plain.pt"), (None, "zip.pt")):
        path = tmp_path / name
        if protocol:
            path.write_bytes(pickle.dumps({"module": _Touch(mark)}, protocol=protocol))
        else:
            torch.save({"module": _Touch(mark)}, path)
        with pytest.raises(
            FormatError, match=r"holds Python code or objects .*was not loaded|truncated or damaged"
        ):
            read_lrm_weights(path)
    assert not mark.exists()


def test_nan_and_overflow_are_refused(state, tmp_path):
    bad = dict(state)
    bad["linear_proj.bias"] = bad["linear_proj.bias"].clone()
    bad["linear_proj.bias"][3] = float("nan")
    with pytest.raises(WeightsMismatch, match=r"x: linear_proj\.bias holds NaN"):
        build_lrm(sort_weights(bad, "x"))
    big = {**state, "linear_proj.bias": torch.full((32,), 1e5)}
    with pytest.raises(InvalidInput, match=r"linear_proj\.bias must be finite as fp16"):
        write_weights(
            tmp_path / "x.safetensors",
            big,
            config_from_shapes({n: t.shape for n, t in big.items()}),
            dtype=torch.float16,
        )
    assert not list(tmp_path.iterdir())


def test_configurations_survive_their_json():
    config = LRMConfig(width=64, heads=2, camera="perspective")
    assert LRMConfig.from_json(config.to_json()) == config
    with pytest.raises(InvalidInput, match="JSON object"):
        LRMConfig.from_json("[1]")
    with pytest.raises(InvalidInput, match="width must be a multiple of heads; got 10 and 4"):
        LRMConfig(width=10)
    assert config_from_shapes(published_shapes(), {"camera": "perspective", "width": 3}).width == 1024


@pytest.mark.parametrize(
    ("stated", "error", "says"),
    [
        ("[" * 100_000, FormatError, r"the header entry matrix3d_lrm: not valid JSON"),
        ("[1]", FormatError, r"matrix3d_lrm must be a JSON object; got a list"),
        ('{"camera": 3}', WeightsMismatch, r"camera must be text, such as 'spherical'; got '3'"),
        ('{"camera": ["spherical"]}', WeightsMismatch, r"camera must be text"),
        ('{"heads": "4"}', WeightsMismatch, r"heads must be whole numbers, such as 4; got '4'"),
        ('{"heads": 2.5}', WeightsMismatch, r"heads must be whole numbers"),
        ('{"heads": 0}', WeightsMismatch, r"width must be a multiple of heads"),
        ('{"depth_max": {"a": 1}}', WeightsMismatch, r"depth_max must be a number, such as 30.0"),
        ('{"depth_max": NaN}', FormatError, r"the header entry matrix3d_lrm: .* numbers must be finite"),
        ('{"depth_max": Infinity}', FormatError, r"the header entry matrix3d_lrm: .* numbers must be finite"),
        ('{"depth_max": true}', WeightsMismatch, r"depth_max must be a number"),
        ('{"scale_max": ' + "9" * 400 + "}", FormatError, r"numbers must be finite"),
        ('{"scale_max": ' + "9" * 200 + "}", WeightsMismatch, r"scale_max must be a number"),
    ],
)
def test_headers_of_other_types(tmp_path, state, stated, error, says):
    save_file({n: t.clone() for n, t in state.items()}, tmp_path / "x.safetensors", {HEADER_KEY: stated})
    with pytest.raises(error, match=rf"^x\.safetensors: .*{says}"):
        read_lrm_weights(tmp_path / "x.safetensors")


@pytest.mark.parametrize("kind", bad_headers())
def test_bad_headers(tmp_path, kind):
    (tmp_path / "bad.safetensors").write_bytes(bad_headers()[kind])
    with pytest.raises((FormatError, WeightsMismatch), match=r"^bad\.safetensors"):
        read_lrm_weights(tmp_path / "bad.safetensors")


@pytest.mark.parametrize(
    "kind", sorted({"meta", "expanded", "sparse", "float4", "nested"} & set(odd_tensors()))
)
def test_odd_tensors(tmp_path, state, kind):
    name = "linear_proj.weight"
    shape = tuple(state[name].shape)
    tensor = torch.zeros(1).expand(shape) if kind == "expanded" else odd_tensors(shape)[kind][0]
    torch.save({**state, name: tensor}, tmp_path / "x.pt")
    with pytest.raises((FormatError, WeightsMismatch), match=r"^x\.pt "):
        read_lrm_weights(tmp_path / "x.pt")
