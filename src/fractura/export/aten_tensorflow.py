"""Running a PyTorch module as TensorFlow operations, one for each node of the ATen graph from ``torch.export``.

The network is therefore defined only once, in ``models``. Values that depend on weights alone (batch norm folded into
its kernel) are computed here and stored as variables. TensorFlow's convolutions need channels last on the CPU:
four-dimensional values keep that order from the input on, and are transposed only where the graph uses their axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fractura.core.errors import ModelError
from fractura.models.layers import same_padding

Store = Callable[[str, NDArray[np.float32]], Any]
"""Stores a named float32 array with the model and returns its TensorFlow variable."""

_AXIS = {0: 0, 1: 3, 2: 1, 3: 2}  # channels first to channels last
_ATEN = torch.ops.aten


@dataclass(frozen=True)
class _Value:
    """A tensor of the graph; ``channels_last``: its four axes are (n, h, w, c) where PyTorch has (n, c, h, w)."""

    tensor: Any
    channels_last: bool

    def plain(self) -> Any:
        """The tensor with its axes in PyTorch's order."""
        return tf.transpose(self.tensor, [0, 3, 1, 2]) if self.channels_last else self.tensor

    def axis(self, axis: int) -> int:
        """The position of PyTorch's ``axis``."""
        axis %= len(self.tensor.shape)
        return _AXIS[axis] if self.channels_last else axis


class AtenGraph:
    """A module traced once, for four-dimensional inputs of any height and width.

    Padding that was TensorFlow's SAME for the example's size becomes SAME again, whatever the size.

    Args:
        name: Prefix of the names of its weights.
        module: In evaluation mode, on the CPU.
        example: float32 ``(n, c, h, w)``.

    Raises:
        ModelError: The module uses an operation without a translation.
    """

    def __init__(self, name: str, module: nn.Module, example: Tensor) -> None:
        self._name = name
        program = torch.export.export(module, (example,), strict=False)
        self._graph = program.module(check_guards=False)
        self._constants = self._fold()
        self._same = {pad: user for pad in self._graph.graph.nodes if (user := _same_padded(pad)) is not None}
        unknown = sorted(
            {
                str(node.target)
                for node in self._graph.graph.nodes
                if node.op == "call_function" and node.name not in self._constants and node.target not in _OPERATIONS
            }
        )
        if unknown:
            raise ModelError(f"the model uses operations without a translation to TensorFlow: {', '.join(unknown)}")

    def _fold(self) -> dict[str, Tensor]:
        """Every value of the graph that depends on weights alone, by the name of its node."""
        folded: dict[str, Tensor] = {}
        with torch.no_grad():
            for node in self._graph.graph.nodes:
                if node.op == "get_attr":
                    folded[node.name] = _attribute(self._graph, node.target).detach()
                elif node.op == "call_function" and all(each.name in folded for each in node.all_input_nodes):
                    args = torch.fx.node.map_arg((node.args, node.kwargs), lambda each: folded[each.name])
                    folded[node.name] = node.target(*args[0], **args[1])
        return folded

    def __call__(self, image: Any, store: Store) -> list[Any]:
        """Run the graph.

        Args:
            image: float32 ``(n, h, w, c)``: the input, channels last.
            store: Stores weights.

        Returns:
            The module's outputs; four-dimensional ones channels last, unless the module itself permuted them.
        """
        values: dict[str, Any] = {}
        for node in self._graph.graph.nodes:
            if node.op == "placeholder":
                values[node.name] = _Value(image, channels_last=True)
            elif node.op == "output":
                outputs = torch.fx.node.map_arg(node.args[0], lambda each: values[each.name])
                return [value.tensor for value in outputs]
            elif node.name in self._constants:
                values[node.name] = _Weight(f"{self._name}/{node.name}", self._constants[node.name], store)
            elif node in self._same:
                values[node.name] = values[node.args[0].name]
            else:
                args = torch.fx.node.map_arg((node.args, node.kwargs), lambda each: values[each.name])
                same = {"same": True} if node in self._same.values() else {}
                values[node.name] = _OPERATIONS[node.target](*args[0], **args[1], **same)
        raise AssertionError("the graph has no output")


@dataclass(frozen=True)
class _Weight:
    """A value that does not depend on the input; it is stored with the axes in the order of use."""

    name: str
    value: Tensor
    store: Store

    def variable(self, *axes: int) -> Any:
        """A TensorFlow variable with permuted axes."""
        array = self.value.permute(axes) if axes else self.value
        return self.store(self.name, np.ascontiguousarray(array.numpy(), dtype=np.float32))


def _attribute(module: Any, path: str) -> Any:
    for name in path.split("."):
        module = getattr(module, name)
    return module


def _same_padded(pad: torch.fx.Node) -> torch.fx.Node | None:
    """The convolution or pooling whose ``layers.pad_same`` the node ``pad`` is; None if it is something else."""
    if pad.target != _ATEN.pad.default or len(pad.users) != 1:
        return None
    (user,) = pad.users
    arguments: tuple[Any, ...] = user.args
    if user.target == _ATEN.conv2d.default and len(arguments) > 3:
        (_, weight, _, stride, *rest), neutral = arguments, 0.0
        kernel = weight.meta["val"].shape[2:]
    elif user.target == _ATEN.max_pool2d.default and len(arguments) > 2:
        (_, kernel, stride, *rest), neutral = arguments, float("-inf")
    else:
        return None
    if rest and any(rest[0]):  # the user pads as well
        return None
    padding: tuple[Any, ...] = pad.args
    image, pads, *how = padding
    value = (how[1] if len(how) > 1 else None) or 0.0
    height, width = image.meta["val"].shape[2:]
    same = [*same_padding(width, kernel[1], stride[1]), *same_padding(height, kernel[0], stride[0])]
    return user if value == neutral and list(pads) == same else None


def _sizes(tensor: Any) -> list[Any]:
    """Lengths of the axes: numbers if they are known, else scalars of the graph."""
    dynamic = tf.shape(tensor)
    return [dynamic[axis] if length is None else length for axis, length in enumerate(tensor.shape)]


def _elementwise(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], _Value]:
    def apply(first: Any, second: Any) -> _Value:
        channels_last = any(isinstance(x, _Value) and x.channels_last for x in (first, second))
        operands = [_operand(x, channels_last) if isinstance(x, _Weight) else x for x in (first, second)]
        tensors = [x for x in operands if isinstance(x, _Value)]
        if all(x.channels_last for x in tensors):
            return _Value(function(*(x.tensor if isinstance(x, _Value) else x for x in operands)), True)
        return _Value(function(*(x.plain() if isinstance(x, _Value) else x for x in operands)), False)

    return apply


def _operand(weight: _Weight, channels_last: bool) -> _Value:
    # One value per channel, (c, 1, 1): its axes follow those of the image.
    if channels_last and weight.value.ndim == 3:
        return _Value(weight.variable(1, 2, 0), True)
    return _Value(weight.variable(), False)


def _unary(function: Callable[[Any], Any]) -> Callable[[_Value], _Value]:
    return lambda x: _Value(function(x.tensor), x.channels_last)


def _conv2d(
    x: _Value,
    weight: _Weight,
    bias: _Weight | None = None,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
    *,
    same: bool = False,
) -> _Value:
    assert x.channels_last
    kernel = list(weight.value.shape[2:])
    image, border = x.tensor, "SAME" if same else "VALID"
    if list(stride) == [1, 1] and [2 * side + 1 for side in padding] == kernel and list(dilation) == [1, 1]:
        border = "SAME"
    elif any(padding):
        image = tf.pad(image, [[0, 0], [padding[0]] * 2, [padding[1]] * 2, [0, 0]])
    if groups == 1:
        y = tf.nn.conv2d(image, weight.variable(2, 3, 1, 0), list(stride), border, dilations=list(dilation))
    else:
        assert weight.value.shape[1] == 1, "only depthwise convolutions have groups"
        assert weight.value.shape[0] == groups
        y = tf.nn.depthwise_conv2d(
            image, weight.variable(2, 3, 0, 1), [1, *stride, 1], border, dilations=list(dilation)
        )
    return _Value(y if bias is None else tf.nn.bias_add(y, bias.variable()), True)


def _linear(x: _Value, weight: _Weight, bias: _Weight | None = None) -> _Value:
    y = tf.linalg.matmul(x.plain(), weight.variable(1, 0))
    return _Value(y if bias is None else tf.nn.bias_add(y, bias.variable()), False)


def _pad(x: _Value, pads: Sequence[int], mode: str = "constant", value: float | None = None) -> _Value:
    assert mode == "constant"
    amounts = [[0, 0] for _ in x.tensor.shape]
    for place in range(len(pads) // 2):  # from the last axis backwards
        amounts[x.axis(-1 - place)] = [pads[2 * place], pads[2 * place + 1]]
    return _Value(tf.pad(x.tensor, amounts, constant_values=value or 0.0), x.channels_last)


def _max_pool2d(x: _Value, kernel: Sequence[int], stride: Sequence[int], *, same: bool = False) -> _Value:
    assert x.channels_last
    return _Value(tf.nn.max_pool2d(x.tensor, list(kernel), list(stride), "SAME" if same else "VALID"), True)


def _avg_pool2d(
    x: _Value,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    ceil_mode: bool,
    count_include_pad: bool,
) -> _Value:
    assert x.channels_last
    assert not ceil_mode
    # TensorFlow's SAME excludes the padding from the mean, too.
    assert not count_include_pad
    assert [2 * side + 1 for side in padding] == list(kernel)
    assert list(stride) == [1, 1]
    return _Value(tf.nn.avg_pool2d(x.tensor, list(kernel), list(stride), "SAME"), True)


def _group_norm(
    x: _Value, groups: int, weight: _Weight, bias: _Weight, epsilon: float = 1e-5, cudnn: bool = False
) -> _Value:
    assert x.channels_last
    n, height, width, channels = _sizes(x.tensor)
    split = tf.reshape(x.tensor, [n, height, width, groups, channels // groups])
    mean, variance = tf.nn.moments(split, [1, 2, 4], keepdims=True)
    normal = tf.reshape((split - mean) * tf.math.rsqrt(variance + epsilon), [n, height, width, channels])
    return _Value(normal * weight.variable() + bias.variable(), True)


def _layer_norm(
    x: _Value, shape: Sequence[int], weight: _Weight, bias: _Weight, epsilon: float = 1e-5, cudnn: bool = False
) -> _Value:
    tensor = x.plain()
    mean, variance = tf.nn.moments(tensor, list(range(-len(shape), 0)), keepdims=True)
    return _Value((tensor - mean) * tf.math.rsqrt(variance + epsilon) * weight.variable() + bias.variable(), False)


def _upsample_nearest2d(x: _Value, size: Sequence[int] | None, factors: Sequence[float]) -> _Value:
    assert x.channels_last
    assert size is None
    down, across = (int(factor) for factor in factors)
    assert [down, across] == list(factors), "only whole factors"
    return _Value(tf.repeat(tf.repeat(x.tensor, down, axis=1), across, axis=2), True)


def _permute(x: _Value, axes: Sequence[int]) -> _Value:
    if x.channels_last and list(axes) == [0, 2, 3, 1]:
        return _Value(x.tensor, False)
    return _Value(tf.transpose(x.plain(), list(axes)), False)


def _flatten(x: _Value, first: int = 0, last: int = -1) -> _Value:
    tensor = x.plain()
    shape = _sizes(tensor)
    last %= len(shape)
    return _Value(tf.reshape(tensor, [*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]]), False)


def _unflatten(x: _Value, axis: int, sizes: Sequence[int]) -> _Value:
    tensor = x.plain()
    shape = _sizes(tensor)
    axis %= len(shape)
    return _Value(tf.reshape(tensor, [*shape[:axis], *sizes, *shape[axis + 1 :]]), False)


def _cat(values: Sequence[_Value], axis: int = 0) -> _Value:
    if all(value.channels_last for value in values):
        return _Value(tf.concat([value.tensor for value in values], values[0].axis(axis)), True)
    return _Value(tf.concat([value.plain() for value in values], axis), False)


def _mean(x: _Value, axes: Sequence[int], keep: bool = False) -> _Value:
    return _Value(tf.reduce_mean(x.tensor, [x.axis(axis) for axis in axes], keep), x.channels_last and keep)


def _to(x: _Value, dtype: torch.dtype) -> _Value:
    assert dtype == torch.float32
    return x


_OPERATIONS: dict[Any, Callable[..., Any]] = {
    _ATEN.add.Tensor: _elementwise(lambda a, b: a + b),
    _ATEN.sub.Tensor: _elementwise(lambda a, b: a - b),
    _ATEN.mul.Tensor: _elementwise(lambda a, b: a * b),
    _ATEN.div.Tensor: _elementwise(lambda a, b: a / b),
    _ATEN.relu.default: _unary(tf.nn.relu),
    _ATEN.relu6.default: _unary(tf.nn.relu6),
    _ATEN.conv2d.default: _conv2d,
    _ATEN.linear.default: _linear,
    _ATEN.pad.default: _pad,
    _ATEN.max_pool2d.default: _max_pool2d,
    _ATEN.avg_pool2d.default: _avg_pool2d,
    _ATEN.group_norm.default: _group_norm,
    _ATEN.layer_norm.default: _layer_norm,
    _ATEN.upsample_nearest2d.vec: _upsample_nearest2d,
    _ATEN.permute.default: _permute,
    _ATEN.flatten.using_ints: _flatten,
    _ATEN.unflatten.int: _unflatten,
    _ATEN.cat.default: _cat,
    _ATEN.mean.dim: _mean,
    _ATEN.to.dtype: _to,
    _ATEN._assert_tensor_metadata.default: lambda *_, **__: None,
}
