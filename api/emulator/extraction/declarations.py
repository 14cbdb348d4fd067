"""Properties of a function declaration: its parameters, its similarity to a text, its purpose."""

import re
from typing import Any, Final

from api.emulator.extraction.filling import kind_of
from api.emulator.extraction.reading import keywords, stem

Declaration = dict[str, Any]
MIN_DESCRIPTION_WORDS: Final = 2
# Words in the names of functions that take the final output: `final_result`, `WeatherResponse`.
_OUTPUT_WORDS: Final = keywords("answer final finish output respond response result reply report submit structured")
_VERBS: Final = keywords(
    "add calculate call check compute convert create delete do execute fetch find google make query read run save "
    "search send set update write"
) | {"get"}
_SEARCHES: Final = keywords("search retrieve retrieval lookup knowledge wikipedia google web browse documents query")


def parameters_of(declaration: Declaration) -> dict[str, Any]:
    """The schema of the arguments, in whichever language it was declared."""
    schema = declaration.get("parametersJsonSchema") or declaration.get("parameters") or {}
    return schema if isinstance(schema, dict) else {}


def properties_of(declaration: Declaration) -> dict[str, dict[str, Any]]:
    """The parameters that have a schema, by name."""
    properties = parameters_of(declaration).get("properties") or {}
    return {name: entry for name, entry in properties.items() if isinstance(entry, dict)}


def required_of(declaration: Declaration) -> list[str]:
    """The names of the required parameters."""
    return list(parameters_of(declaration).get("required") or [])


def score(words: set[str], declaration: Declaration) -> int:
    """Return how well a text with these keywords matches a function; 0 below the threshold for a call."""
    by_name = len(keywords(declaration["name"]) & words)
    by_description = len(keywords(declaration.get("description", "")) & words)
    if not by_name and by_description < MIN_DESCRIPTION_WORDS:
        return 0
    return 3 * by_name + by_description


def is_named(declaration: Declaration, text: str) -> bool:
    """Whether a text contains the function's name, which must be more than a common word."""
    name = declaration["name"]
    plain = name.isalpha() and name.islower()
    after = r"(?=\s*\(|\s+(?:tool|function)\b)" if plain else r"(?!\w)"
    return name in text and re.search(rf"(?<!\w){re.escape(name)}{after}", text) is not None


def takes_output(declaration: Declaration) -> bool:
    """Whether the function's name says that it takes the final output ("final_result")."""
    return bool(keywords(declaration["name"]) & _OUTPUT_WORDS)


def is_class(declaration: Declaration) -> bool:
    """Whether a function is named as the class of a value (`ContactInfo`) and not as an action (`GetWeather`)."""
    first = re.match(r"[A-Z][a-z]*", declaration["name"])
    return first is not None and "_" not in declaration["name"] and stem(first[0].lower()) not in _VERBS


def searches(declaration: Declaration) -> bool:
    """Whether a function looks up a text."""
    words = keywords(f"{declaration['name']} {declaration.get('description', '')}")
    texts = [name for name in required_of(declaration) if kind_of(properties_of(declaration).get(name, {})) == "string"]
    return len(texts) == 1 == len(required_of(declaration)) and bool(words & _SEARCHES)


def provides(declaration: Declaration, fields: list[str]) -> bool:
    """Whether a function's name or description mentions the fields, so that it may return them."""
    words = keywords(f"{declaration['name']} {declaration.get('description', '')}")
    wanted = {word for name in fields for word in keywords(name)}
    places = {stem(word) for word in ("city", "location", "place")}
    return bool(words & (wanted | (places if wanted & places else set())) - keywords("name id"))
