"""The objects of `/v1/models` (https://platform.openai.com/docs/api-reference/models/object)."""

from collections.abc import Iterable
from typing import Literal

from typing_extensions import TypedDict


class Model(TypedDict):
    """A model by its public name; `created` is in Unix seconds."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(TypedDict):
    """All models; OpenAI has no pages here."""

    object: Literal["list"]
    data: list[Model]


def model(name: str, *, created: int, owned_by: str) -> Model:
    """Return one model's object."""
    return {"id": name, "object": "model", "created": created, "owned_by": owned_by}


def model_list(models: Iterable[Model]) -> ModelList:
    """Return the list object."""
    return {"object": "list", "data": list(models)}
