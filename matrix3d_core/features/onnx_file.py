"""The few fields of an ONNX file that hold its weights, read without the onnx package.

Source: Protocol Buffers, Encoding (wire format); ONNX, onnx.proto (field numbers of ModelProto, GraphProto, NodeProto
and TensorProto).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import FormatError

__all__ = ["OnnxNode", "read_onnx"]

_GRAPH, _NODES, _TENSORS = 7, 1, 5
_NODE_INPUT, _NODE_NAME = 1, 3
_DIMS, _TYPE, _NAME, _BYTES = 1, 2, 8, 9
_FLOAT32 = 1


@dataclass(frozen=True)
class OnnxNode:
    """One operation of the graph: its name and the names of its inputs."""

    name: str
    inputs: tuple[str, ...]


def read_onnx(data: bytes) -> tuple[list[OnnxNode], dict[str, Tensor]]:
    """Return the nodes of a model's graph and its float32 tensors (initializers) by name.

    Raises:
        FormatError: when the bytes are no such file.
    """
    try:
        graph = dict(_fields(memoryview(data)))[_GRAPH]
        parts = list(_fields(graph))
        nodes = [_node(value) for number, value in parts if number == _NODES]
        tensors = [_tensor(value) for number, value in parts if number == _TENSORS]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"ONNX file: truncated or damaged ({error}).") from error
    return nodes, {name: value for name, value in tensors if value is not None}


def _fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    """Yield number and value of each field of a message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        value: Any  # a number, or the bytes of text, floats or a message
        if kind == 0:
            value, at = _varint(data, at)
        else:
            size, at = _varint(data, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = data[at : at + size], at + size
        if at > len(data):
            raise ValueError("it ends within a field")
        yield key >> 3, value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def _node(message: memoryview) -> OnnxNode:
    parts = list(_fields(message))
    name = next((bytes(value).decode() for number, value in parts if number == _NODE_NAME), "")
    return OnnxNode(name, tuple(bytes(value).decode() for number, value in parts if number == _NODE_INPUT))


def _tensor(message: memoryview) -> tuple[str, Tensor | None]:
    parts = list(_fields(message))
    fields = dict(parts)
    name = bytes(fields[_NAME]).decode()
    if fields[_TYPE] != _FLOAT32 or _BYTES not in fields:
        return name, None
    shape = [int(value) for number, value in parts if number == _DIMS]  # ONNX writes them one by one
    return name, torch.from_numpy(np.frombuffer(fields[_BYTES], "<f4").reshape(shape).copy())
