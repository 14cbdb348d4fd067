"""Gemini's `safety_settings`, which clients send unchanged through OpenAI's API; only their form is checked."""

import re
from collections.abc import Mapping, Sequence

from api.errors import InvalidRequestError
from api.gemini.wire import SafetySetting

_ENUM = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_KEYS = {"category", "threshold"}


def safety_settings_to_gemini(settings: object) -> list[SafetySetting]:
    """Return the settings in Gemini's form.

    Gemini validates categories and thresholds, because Google adds new ones. Raises InvalidRequestError naming a
    setting of an invalid form.
    """
    if not isinstance(settings, Sequence) or isinstance(settings, str):
        raise _invalid("safety_settings", "an array of objects")
    return [_setting(setting, f"safety_settings[{index}]") for index, setting in enumerate(settings)]


def _setting(setting: object, param: str) -> SafetySetting:
    if isinstance(setting, Mapping) and set(setting) == _KEYS:
        category, threshold = setting["category"], setting["threshold"]
        if _is_enum(category) and _is_enum(threshold):
            return {"category": category, "threshold": threshold}
    raise _invalid(param, "an object")


def _invalid(param: str, expected: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Invalid value for '{param}': expected {expected} with 'category' and 'threshold', such as "
        '{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}.',
        param=param,
        code="invalid_value",
    )


def _is_enum(value: object) -> bool:
    return isinstance(value, str) and _ENUM.fullmatch(value) is not None
