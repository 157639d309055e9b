"""Checkpoint files made to hurt: small ones that claim much, odd tensors, absurd headers."""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
from pathlib import Path

import torch


def odd_tensors(shape: tuple[int, ...] = (1, 1)) -> dict[str, tuple[torch.Tensor, str]]:
    """Return tensors that are no plain numbers, and what a refusal says about each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls them prototypes
        nested = torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])
        odd = {
            "expanded": (
                torch.zeros(1).expand(2**20, 2**20),
                "claims 1099511627776 numbers [1048576, 1048576]",
            ),
            "meta": (torch.empty(shape, device="meta"), "is a tensor without numbers (on 'meta')"),
            "nested": (nested, "is a nested tensor"),
            "sparse": (torch.zeros(3, 3).to_sparse(), "is a sparse tensor (sparse_coo)"),
            "sparse csr": (torch.eye(3).to_sparse_csr(), "is a sparse tensor (sparse_csr)"),
            "quantized": (
                torch.quantize_per_tensor(torch.zeros(3, 3), 1.0, 0, torch.qint8),
                "is quantized (qint8)",
            ),
            "complex": (torch.zeros(3, 3, dtype=torch.complex64), "is complex or has too many dimensions"),
        }
        if hasattr(torch, "float4_e2m1fn_x2"):  # from torch 2.8
            packed = torch.zeros(3, 3, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
            odd["float4"] = (packed, "float4_e2m1fn_x2")
        return odd


def safetensors_bytes(header: object, data: bytes = b"") -> bytes:
    """Return a safetensors file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def write_packed(path: Path, tensors: object) -> None:
    """Write a torch file whose members are packed: a few bytes that unpack to many."""
    plain = io.BytesIO()
    torch.save(tensors, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.infolist():
            target.writestr(member.filename, source.read(member))


def bad_headers() -> dict[str, bytes]:
    """Return safetensors files with headers that are wrong, by what is wrong with them."""

    def entry(**more: object) -> dict[str, object]:
        return {"x.lora_A.weight": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4], **more}}

    return {
        "longer than the file": struct.pack("<Q", 2**31) + b"{" + bytes(100),
        "absurdly long": struct.pack("<Q", 2**62) + b"{" + bytes(100),
        "deeply nested": safetensors_bytes(b'{"a":' + b'{"a":' * 20_000 + b"1" + b"}" * 20_001),
        "a list": safetensors_bytes(b"{[1, 2]}"),
        "huge shape": safetensors_bytes(entry(shape=[2**40, 2**40]), bytes(4)),
        "negative shape": safetensors_bytes(entry(shape=[-1, -4]), bytes(4)),
        "shape of other size": safetensors_bytes(entry(shape=[9, 9]), bytes(4)),
        "float4": safetensors_bytes(entry(dtype="F4", shape=[2, 4], data_offsets=[0, 4]), bytes(4)),
        "unknown type": safetensors_bytes(entry(dtype="Q9"), bytes(4)),
        "offsets beyond the end": safetensors_bytes(entry(data_offsets=[0, 2**40]), bytes(4)),
        "numbers of 400 digits": safetensors_bytes(
            json.dumps(entry()).replace("[1, 1]", f"[{'9' * 400}, 1]").encode(), bytes(4)
        ),
        "texts that are none": safetensors_bytes({**entry(), "__metadata__": {"a": [1]}}, bytes(4)),
        "half a surrogate": safetensors_bytes(
            b'{"\\ud800": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}', bytes(4)
        ),
    }
