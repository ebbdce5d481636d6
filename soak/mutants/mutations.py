"""Every small fault that can be put into a module: its mutants."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

_COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_PAIRS = (
    ("min", "max"),
    ("any", "all"),
    ("minimum", "maximum"),
    ("floor", "ceil"),
    ("argmin", "argmax"),
    ("zeros", "ones"),
    ("startswith", "endswith"),
    ("lstrip", "rstrip"),
    ("removeprefix", "removesuffix"),
    ("partition", "rpartition"),
    ("lower", "upper"),
)
_SWAPPED_CALLS = dict(_PAIRS) | {second: first for first, second in _PAIRS}
_IDLE_FUNCTIONS = {"abs", "sorted", "reversed", "round"}  # f(x) becomes x
_IDLE_METHODS = {"strip", "casefold", "copy", "resolve", "expanduser", "absolute"}  # x.f(…) becomes x


@dataclass(frozen=True)
class Mutant:
    """A module with one fault.

    Attributes:
        file: The module, relative to the repository's root, with slashes.
        number: Which of the module's mutants it is.
        lines: First and last line of what was changed.
        before: What was changed, in one line.
        after: What it became.
        text: The first of these lines, without its indentation.
        at_import: It changes what runs when the module is imported: a constant, a default, the body of a class.
    """

    file: str
    number: int
    lines: tuple[int, int]
    before: str
    after: str
    text: str
    at_import: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.lines[0]}: {self.before}  →  {self.after}"


@dataclass
class _Change:
    """What becomes of a node: another node in its place, or another operator in it."""

    node: ast.AST
    put: Callable[[ast.AST], None]
    old: ast.AST
    new: ast.AST
    at_import: bool

    def texts(self) -> tuple[str, str]:
        if self.old is self.node:
            return _text(self.old), _text(self.new)
        before = _text(self.node)
        self.put(self.new)
        after = _text(self.node)
        self.put(self.old)
        return before, after


def mutants(root: Path, file: str) -> list[Mutant]:
    """All mutants of a module, in the order of its text."""
    source = (root / file).read_text(encoding="utf-8")
    texts = source.splitlines()
    return [
        Mutant(
            file,
            number,
            (change.node.lineno, change.node.end_lineno),
            *change.texts(),
            texts[change.node.lineno - 1].strip(),
            change.at_import,
        )
        for number, change in enumerate(_changes(ast.parse(source)))
    ]


def mutated_code(root: Path, mutant: Mutant) -> CodeType:
    """The module's code with the fault in it, its lines where they were."""
    path = root / mutant.file
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for number, change in enumerate(_changes(tree)):
        if number == mutant.number:
            change.put(change.new)
            return compile(ast.fix_missing_locations(tree), str(path), "exec", dont_inherit=True)
    raise ValueError(f"{mutant.file} has no mutant {mutant.number}")


def _changes(tree: ast.Module) -> Iterator[_Change]:
    yield from _inside(tree, at_import=True)


def _inside(node: ast.AST, at_import: bool) -> Iterator[_Change]:
    """Changes to the children of a node, and to theirs."""
    for field, value in ast.iter_fields(node):
        if _is_for_type_checkers(node, field):
            continue
        within = at_import
        if field == "body" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            within = False
        if isinstance(value, list):
            children = [(child, _setter(value, index)) for index, child in enumerate(value)]
        else:
            children = [(value, _attribute_setter(node, field))]
        for child, put in children:
            if isinstance(child, ast.AST):
                for new in _faults(child, node):
                    if not hasattr(new, "lineno"):
                        ast.copy_location(new, child)
                    yield _Change(child, put, child, new, within)
                yield from _operator_changes(child, within)
                yield from _inside(child, within)


def _is_for_type_checkers(node: ast.AST, field: str) -> bool:
    """Annotations, decorators and what `if TYPE_CHECKING` guards do nothing that a test could see."""
    if field in ("annotation", "returns", "decorator_list", "type_params", "bases"):
        return True
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return field != "orelse"
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id == "__all__"
    return isinstance(node, ast.FormattedValue) and field == "conversion"


def _setter(values: list, index: int) -> Callable[[ast.AST], None]:
    def put(new: ast.AST) -> None:
        values[index] = new

    return put


def _attribute_setter(node: ast.AST, field: str) -> Callable[[ast.AST], None]:
    return lambda new: setattr(node, field, new)


def _faults(node: ast.AST, parent: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of a node."""
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
            if value:
                yield ast.Constant(value - 1)
        case ast.Constant(value=float(value)):
            yield ast.Constant(value * 2 if value else 1.0)
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
            yield operand
        case ast.Slice(lower=lower, upper=upper, step=step):
            if lower is not None:
                yield ast.Slice(None, upper, step)
            if upper is not None:
                yield ast.Slice(lower, None, step)
        case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.Raise():
            yield ast.Pass()
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.Call(func=ast.Name(id=name) as function, args=[first, *_] as arguments):
            if name in _SWAPPED_CALLS:
                new = ast.Name(_SWAPPED_CALLS[name], function.ctx)
                yield ast.Call(new, arguments, node.keywords)
            if name in _IDLE_FUNCTIONS and not isinstance(first, ast.Starred):
                yield first
        case ast.Call(func=ast.Attribute(value=receiver, attr=name, ctx=ctx)):
            if name in _SWAPPED_CALLS:
                new = ast.Attribute(receiver, _SWAPPED_CALLS[name], ctx)
                yield ast.Call(ast.copy_location(new, node), node.args, node.keywords)
            if name in _IDLE_METHODS:
                yield receiver
    if _is_a_bare_condition(node, parent):
        yield ast.UnaryOp(ast.Not(), node)


def _is_a_bare_condition(node: ast.AST, parent: ast.AST) -> bool:
    """Whether an `if` hangs on it, and nothing inside it is turned round anyway."""
    if isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant) or not isinstance(node, ast.expr):
        return False
    if isinstance(parent, ast.If | ast.While | ast.IfExp):
        return parent.test is node
    return isinstance(parent, ast.comprehension) and any(each is node for each in parent.ifs)


def _operator_changes(node: ast.AST, at_import: bool) -> Iterator[_Change]:
    """Changes to the operators of a node, which are no nodes with a place of their own."""
    match node:
        case ast.Compare(ops=operators):
            for index, operator in enumerate(operators):
                new = _COMPARISONS[type(operator)]()
                yield _Change(node, _setter(operators, index), operator, new, at_import)
        case ast.BinOp(op=operator, left=left, right=right) | ast.AugAssign(op=operator, target=left, value=right):
            if type(operator) in _OPERATORS and not (_is_text(left) or _is_text(right)):
                new = _OPERATORS[type(operator)]()
                yield _Change(node, _attribute_setter(node, "op"), operator, new, at_import)
        case ast.BoolOp(op=operator):
            new = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield _Change(node, _attribute_setter(node, "op"), operator, new, at_import)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(ast.fix_missing_locations(node)).split())
