"""The graph of objects in a TensorFlow 2 checkpoint: which object owns which variable, under which name.

TensorFlow restores by walking this graph (``_CHECKPOINTABLE_OBJECT_GRAPH``, a ``TrackableObjectGraph`` message:
tensorflow/core/protobuf/trackable_object_graph.proto), not by the keys. Keys are derived from the graph as in
tensorflow/python/trackable/trackable_utils.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fractura.formats.protobuf.wire import LENGTH, VARINT, WireError, fields, length_field, varint_field

GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
VALUE = ".ATTRIBUTES/VARIABLE_VALUE"

_ATTRIBUTES = "/.ATTRIBUTES/"
_SLOT = "/.OPTIMIZER_SLOT/"
_ESCAPES = re.compile(r"\.\.|\.S")


@dataclass
class Node:
    """One object.

    Attributes:
        children: Local name to number of the node.
        attributes: Name of a saved value (``VARIABLE_VALUE``) to the key that holds it.
        full_names: Name of a saved value to the variable's name in Keras.
        slots: Of an optimiser: (node of the variable, name of the slot, node of the slot).
    """

    children: dict[str, int] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    full_names: dict[str, str] = field(default_factory=dict)
    slots: list[tuple[int, str, int]] = field(default_factory=list)


def graph_of_keys(keys: Iterable[str], full_names: Mapping[str, str]) -> list[Node]:
    """The objects that a set of keys implies; the first is the root.

    Examples:
        >>> [list(node.children) for node in graph_of_keys(["model/w/.ATTRIBUTES/VARIABLE_VALUE"], {})]
        [['model'], ['w'], []]

    Args:
        keys: Such as ``model/layer/kernel/.ATTRIBUTES/VARIABLE_VALUE``, or with ``/.OPTIMIZER_SLOT/`` in it.
        full_names: Keras name of a variable, by key; may be empty.

    Raises:
        ValueError: A key is not of that form.
    """
    nodes = [Node()]

    def walk(path: str) -> int:
        number = 0
        for name in path.split("/") if path else ():
            local = _unescaped(name)
            if local not in nodes[number].children:
                nodes.append(Node())
                nodes[number].children[local] = len(nodes) - 1
            number = nodes[number].children[local]
        return number

    for key in sorted(keys):
        path, _, attribute = key.rpartition(_ATTRIBUTES)
        if not path or not attribute:
            raise ValueError(f"'{key}' does not end in /{VALUE}")
        variable_path, _, slot_path = path.partition(_SLOT)
        if slot_path:
            optimizer_path, _, slot_name = slot_path.rpartition("/")
            variable, optimizer = walk(variable_path), walk(optimizer_path)
            nodes.append(Node())
            number = len(nodes) - 1
            nodes[optimizer].slots.append((variable, _unescaped(slot_name), number))
        else:
            number = walk(path)
        nodes[number].attributes[attribute] = key
        nodes[number].full_names[attribute] = full_names.get(key, path.rsplit("/", 1)[-1])
    return nodes


def encode_graph(nodes: Iterable[Node]) -> bytes:
    """The ``TrackableObjectGraph`` message."""
    return b"".join(length_field(1, _encode_node(node)) for node in nodes)


def decode_graph(message: bytes) -> list[Node]:
    """The objects of a ``TrackableObjectGraph`` message.

    Raises:
        WireError: It is malformed, or refers to a node that does not exist.
    """
    nodes = [
        _decode_node(message, first, last)
        for number, kind, first, last in fields(message, 0, len(message))
        if number == 1 and kind == LENGTH
    ]
    for node in nodes:
        for target in [*node.children.values(), *(n for v, _, s in node.slots for n in (v, s))]:
            if target >= len(nodes):
                raise WireError(f"the object graph refers to node {target} of {len(nodes)}", 0)
    return nodes


def find_key(nodes: list[Node], path: str) -> str | None:
    """The key of the variable at ``path`` (local names joined by ``/``, escaped as in keys), or None.

    >>> find_key(graph_of_keys(["model/w/.ATTRIBUTES/VARIABLE_VALUE"], {}), "model/w")
    'model/w/.ATTRIBUTES/VARIABLE_VALUE'
    """
    number = 0
    if not nodes:
        return None
    for name in path.split("/"):
        following = nodes[number].children.get(_unescaped(name))
        if following is None:
            return None
        number = following
    return nodes[number].attributes.get("VARIABLE_VALUE")


def _encode_node(node: Node) -> bytes:
    parts = [
        length_field(1, varint_field(1, target) + length_field(2, name.encode()))
        for name, target in node.children.items()
    ]
    parts += [
        length_field(
            2,
            length_field(1, name.encode())
            + length_field(2, node.full_names.get(name, "").encode())
            + length_field(3, key.encode()),
        )
        for name, key in node.attributes.items()
    ]
    parts += [
        length_field(3, varint_field(1, variable) + length_field(2, name.encode()) + varint_field(3, slot))
        for variable, name, slot in node.slots
    ]
    return b"".join(parts)


def _decode_node(message: bytes, start: int, end: int) -> Node:
    node = Node()
    for number, kind, first, last in fields(message, start, end):
        if kind != LENGTH:
            continue
        if number == 1:
            numbers, texts = _parts(message, first, last)
            node.children[texts.get(2, "")] = numbers.get(1, 0)
        elif number == 2:
            _, texts = _parts(message, first, last)
            node.attributes[texts.get(1, "")] = texts.get(3, "")
            node.full_names[texts.get(1, "")] = texts.get(2, "")
        elif number == 3:
            numbers, texts = _parts(message, first, last)
            node.slots.append((numbers.get(1, 0), texts.get(2, ""), numbers.get(3, 0)))
    return node


def _parts(message: bytes, start: int, end: int) -> tuple[dict[int, int], dict[int, str]]:
    numbers: dict[int, int] = {}
    texts: dict[int, str] = {}
    for number, kind, first, last in fields(message, start, end):
        if kind == VARINT:
            numbers[number] = first
        elif kind == LENGTH:
            texts[number] = message[first:last].decode("utf-8", "replace")
    return numbers, texts


def _unescaped(name: str) -> str:
    return _ESCAPES.sub(lambda found: "." if found.group() == ".." else "/", name)
