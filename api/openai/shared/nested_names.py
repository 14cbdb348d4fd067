"""Detection of unknown names inside option objects, from the objects' own types.

Lists (messages, tools, items) are not inspected here; their translation reports unknown names.
"""

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict

from api.openai.shared.validation import printable_name

# Field name -> the names of the nested object; None: any names.
Names = dict[str, "Names | None"]


def names_within(annotation: Any) -> Names | None:
    """Return the field names of an object type; None if any names are allowed or the type is not an object.

    A union of objects has the names of all its members.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        return names_within(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return _joined([arm for arm in get_args(annotation) if arm is not NoneType])
    if is_typeddict(annotation):
        return {name: names_within(kind) for name, kind in get_type_hints(annotation).items()}
    return None


def unknown_names(value: Mapping[str, Any], names: Names, path: str) -> Iterator[str]:
    """Yield the paths of unknown names in `value`; nulls count as absent."""
    for name, item in value.items():
        if name not in names:
            if item is not None:
                yield f"{path}.{printable_name(name)}"
        elif type(item) is dict and (inner := names[name]) is not None:
            yield from unknown_names(item, inner, f"{path}.{name}")


def _joined(arms: list[Any]) -> Names | None:
    """Return the names of all objects in a union; None if one member allows any."""
    joined: Names = {}
    objects = [arm for arm in arms if _is_object(arm)]
    for arm in objects:
        names = names_within(arm)
        if names is None:
            return None
        joined |= names
    return joined if objects else None


def _is_object(annotation: Any) -> bool:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return is_typeddict(annotation) or get_origin(annotation) in (dict, Union, UnionType)
