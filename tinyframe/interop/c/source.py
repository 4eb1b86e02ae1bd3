"""The text of a C file and of its header."""

import re
import textwrap
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from tinyframe.interop.c.memory import Life, plan
from tinyframe.interop.c.program import ENTRY, Program, as_double, as_word, literals
from tinyframe.layers import Layer
from tinyframe.types import Array
from tinyframe.version import __version__

LARGEST_MEMORY = 2**28
"""Numbers of static memory: what indices of type int reach with room to spare."""


class Tests(NamedTuple):
    """What the self-test compares: inputs, outputs, and how far from these is near enough."""

    x: Array
    y: Array
    tolerance: float


class Source(NamedTuple):
    """What is to be written.

    Attributes
    ----------
    code, header
        The C file and its header.
    weight_bytes, memory_bytes
        What constants take, and buffers.
    """

    code: str
    header: str
    weight_bytes: int
    memory_bytes: int


def source(
    program: Program,
    model: Layer,
    y: str,
    name: str,
    tests: Callable[[], Tests],
    *,
    workspace: bool,
) -> Source:
    """Return the files of a program.

    Parameters
    ----------
    program, model
        The program, and what it computes.
    y
        The name of its last value.
    name
        A C identifier.
    tests
        Returns what the self-test compares, once the size is known to be bearable.
    workspace
        Whether the caller gives the memory.

    Raises
    ------
    ValueError
        If the buffers are too large.
    """
    if y == ENTRY:
        y = program.map(ENTRY, f"(float){ENTRY}[i]")
    lives = {v: life for v, life in _lives(program).items() if v != y}
    places, numbers = plan(lives, program.over)
    if max(numbers, program.sizes[y]) > LARGEST_MEMORY:
        raise ValueError(
            f"a C file computes {LARGEST_MEMORY:,} numbers at a time at most, got "
            f"{max(numbers, program.sizes[y]):,}"
        )
    real = "float" if program.dtype == np.float32 else "double"
    sizes = {
        "INPUTS": program.sizes[ENTRY], "OUTPUTS": program.sizes[y],
        "WEIGHT_BYTES": sum(array.nbytes for array in program.constants.values()),
        "MEMORY_BYTES": numbers * program.dtype.itemsize,
    }  # fmt: skip
    if workspace:
        sizes["WORKSPACE"] = max(numbers, 1)
    entering = real if program.entering.kind == "f" else f"{program.entering.name}_t"
    declaration = _declaration(name, entering, real, sizes)
    memory = "workspace" if workspace else "memory"
    body = [f"    float *const {v} = {memory} + {place};" for v, place in places.items()]
    body += [f"    float *const {y} = y;"]
    for statement in program.statements:
        body += _block(statement)
    room = ["", f"static float memory[{numbers}];"] if numbers and not workspace else []
    parameters = f"const {entering} *x, {real} *y" + (", float *workspace" if workspace else "")
    unused = ["    (void)workspace;"] if workspace and not places else []
    written = "\n".join([
        *room, "", *(f.strip("\n") + "\n" for f in program.functions),
        f"void {name}_predict({parameters}) {{", *unused, *body, "}",
    ])  # fmt: skip
    code = "\n".join([
        _comment(model, name, workspace=workspace), *_includes(entering, "#include <math.h>"), "",
        declaration, "",
        *(_table(constant, array, real) for constant, array in program.constants.items()),
        written if real == "float" else as_double(written), "",
        _self_test(name, tests(), entering, real, workspace=workspace), "",
    ])  # fmt: skip
    guard = f"{name.upper()}_H"
    header = "\n".join([
        _comment(model, name, workspace=workspace), f"#ifndef {guard}", f"#define {guard}", "",
        *_includes(entering), declaration, "", "#endif", "",
    ])  # fmt: skip
    return Source(code, header, sizes["WEIGHT_BYTES"], sizes["MEMORY_BYTES"])


def _lives(program: Program) -> dict[str, Life]:
    """Return when each value is first and last mentioned; the input is none of them."""
    lives: dict[str, Life] = {}
    for number, statement in enumerate(program.statements):
        mentioned = dict.fromkeys(re.findall(r"\bv\d+\b", statement))  # in their order
        for name in (v for v in mentioned if v in program.sizes):
            first = lives[name].first if name in lives else number
            size = program.sizes[name] + program.beyond.get(name, 0)
            lives[name] = Life(size, first, number)
    return lives


def _block(statement: str) -> Iterable[str]:
    """Return the lines of a statement, in a block of its own if it is more than a call."""
    lines = statement.split("\n")
    if len(lines) == 1:
        return [f"    {statement}"]
    return ["    {", *(f"        {line}" for line in lines), "    }"]


def _comment(model: Layer, name: str, *, workspace: bool) -> str:
    """Return what a reader of the file wants to know first."""
    chained = model._chain()  # noqa: SLF001 - one of ours
    layers = [f"{as_word(type(each).__name__)} {_shape(each.output_shape)}" for each in chained]
    calls = (
        "It keeps nothing between calls: threads that each have a workspace may call it at once."
        if workspace
        else "It computes in static memory, so that one call must end before the next begins."
    )
    check = (
        f"Compiled with -D{name.upper()}_SELF_TEST the file is a program that compares some "
        "outputs with those of predict, and returns 0 if they agree. Leave out -ffast-math."
    )
    promise = (
        "x is one input and y its output, both row by row; they must not overlap. The weights are "
        "the model's to the bit, and outputs agree with those of its predict but for rounding. x "
        f"is not checked: of numbers that are not finite, outputs mean nothing. {calls} It "
        "allocates nothing, and calls nothing but math.h. C99, and C++."
    )
    chain = "\n".join(
        f" *     {layer}" for layer in (f"input {_shape(model.input_shape)}", *layers)
    )
    given = ", workspace" if workspace else ""
    return f"""/* {name}_predict(x, y{given}): a trained network, by tinyframe {__version__}.
 *
{chain}
 *
{_lines_of(promise)}
 *
{_lines_of(check)}
 */"""


def _lines_of(text: str) -> str:
    return textwrap.fill(text, 96, initial_indent=" * ", subsequent_indent=" * ")


def _shape(shape: tuple[int, ...] | None) -> str:
    return " x ".join(map(str, shape or ()))


def _includes(entering: str, *others: str) -> list[str]:
    return [*others, *(["#include <stdint.h>"] if entering.endswith("_t") else [])]


def _declaration(name: str, entering: str, real: str, sizes: dict[str, int]) -> str:
    """Return the macros and the prototype, as the header has them and the file."""
    macros = "\n".join(f"#define {name.upper()}_{size} {value}" for size, value in sizes.items())
    more = f", {real} *workspace" if "WORKSPACE" in sizes else ""
    return f"""{macros}

#ifdef __cplusplus
extern "C" {{
#endif
void {name}_predict(const {entering} *x, {real} *y{more});
#ifdef __cplusplus
}}
#endif"""


def _table(name: str, array: Array, real: str) -> str:
    """Return the definition of constants."""
    kind = {"int8": "signed char", "int32": "int"}.get(array.dtype.name, real)
    return f"static const {kind} {name}[{array.size}] = {{\n{_lines(array)}\n}};\n"


def _lines(array: Array) -> str:
    """Return numbers in lines of eight."""
    flat = array.reshape(-1)
    return ",\n".join(", ".join(literals(flat[i : i + 8])) for i in range(0, len(flat), 8))


def _self_test(name: str, tests: Tests, entering: str, real: str, *, workspace: bool) -> str:
    """Return a main that compares outputs with expected ones."""
    x, y = (array.reshape(len(array), -1) for array in tests[:2])
    large = name.upper()
    f = "f" if real == "float" else ""
    within = f"{tests.tolerance:.3e}"
    room = f"\n    static {real} workspace[{large}_WORKSPACE];" if workspace else ""
    given = ", workspace" if workspace else ""
    return f"""#ifdef {large}_SELF_TEST
#include <stdio.h>

static const {entering} test_x[{x.shape[0]}][{x.shape[1]}] = {{
{_rows(x)}
}};
static const {real} test_y[{y.shape[0]}][{y.shape[1]}] = {{
{_rows(y)}
}};

int main(void) {{
    static {real} y[{large}_OUTPUTS];{room}
    int r, i;
    for (r = 0; r < {len(x)}; ++r) {{
        {name}_predict(test_x[r], y{given});
        for (i = 0; i < {large}_OUTPUTS; ++i)
            if (!(fabs{f}(y[i] - test_y[r][i]) <= {within}{f})) {{
                printf("{name}: output %d of row %d is %g, not %g\\n", i, r, (double)y[i],
                       (double)test_y[r][i]);
                return 1;
            }}
    }}
    printf("{name}: {len(x)} outputs agree\\n");
    return 0;
}}
#endif"""


def _rows(array: Array) -> str:
    return ",\n".join(f"{{\n{_lines(row)}\n}}" for row in array)
