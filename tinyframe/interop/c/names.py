"""The names that a C file may be given."""

import re

LONGEST = 48
"""Letters of a name."""

RESERVED = frozenset(
    """
    auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while alignas alignof and and_eq asm bitand bitor bool catch
    char8_t char16_t char32_t class co_await co_return co_yield compl concept const_cast consteval
    constexpr constinit decltype delete dynamic_cast explicit export false friend mutable
    namespace new noexcept not not_eq nullptr operator or or_eq private protected public
    reinterpret_cast requires static_assert static_cast template this thread_local throw true try
    typeid typename using virtual wchar_t xor xor_eq main typeof errno assert
    """.split()  # noqa: SIM905 - a page of quotation marks
)
"""Words of C, of C++, in which the header is read too, and what standard headers define."""


def identifier(name: object) -> str:
    """Return a name for functions and macros of C, or raise TypeError or ValueError.

    Parameters
    ----------
    name
        Letters, digits and underscores of ASCII, the first a letter; no word of C or C++.
    """
    if not isinstance(name, str):
        raise TypeError(f"name expected a string, got {name!r}")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name, re.ASCII) or len(name) > LONGEST:
        raise ValueError(
            f"name expected up to {LONGEST} letters, digits and underscores, the first a letter, "
            f"got {name!r}"
        )
    if name in RESERVED:
        raise ValueError(f"name expected no reserved word of C or C++, got {name!r}")
    return name
