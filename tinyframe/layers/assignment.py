"""Assignment: what setting an attribute of a layer does."""

from typing import TYPE_CHECKING, Any

from tinyframe.parameters import Parameter
from tinyframe.utils.attributes import Changes, attributes, unknown_attribute


class Assignment:
    """Takes an array for a parameter into the parameter, and refuses what our layers do not have.

    `layer.weight = W` copies W into its place, where the optimizer finds it. On a layer of
    tinyframe's own `layer.frozen = True` is an AttributeError that names `trainable`.
    """

    if not TYPE_CHECKING:  # a type checker would take it for leave to set anything

        def __setattr__(self, name: str, value: Any) -> None:
            own = self.__dict__
            if name == "_saved" or own.get(name, own) is value:  # in each step, and after `+=`
                own[name] = value
                return
            if name[0] != "_":
                names = attributes(type(self))
                if names is not None and name not in names:
                    raise unknown_attribute(type(self), name)
                if not isinstance(value, Parameter):
                    parameter = own.get(name)
                    if isinstance(parameter, Parameter):
                        parameter.value = value  # into its place, where the optimizer finds it
                        return
                    if names is not None and names[name] is Parameter:
                        raise AttributeError(f"{self!r} has no {name}, or none before it is built")
            object.__setattr__(self, name, value)
            Changes.note()

        def __delattr__(self, name: str) -> None:
            object.__delattr__(self, name)
            Changes.note()
