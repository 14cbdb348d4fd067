"""The models with media in function results: the catalogue and the emulator agree."""

import pytest

from api.emulator.models import models
from api.emulator.rules.contents import TAKE_MEDIA_IN_RESULTS
from sessions_store.models import UpstreamModel

pytestmark = pytest.mark.usefixtures("live_db")


def test_the_catalogue_lists_the_models_with_media_in_results() -> None:
    marked = set(UpstreamModel.objects.filter(function_response_parts=True).values_list("name", flat=True))
    assert {"gemini-3.8-flash", "gemini-4-argon"} <= marked
    assert {models()[name].family for name in marked & models().keys()} == set(TAKE_MEDIA_IN_RESULTS)
    callers = UpstreamModel.objects.filter(family__in=TAKE_MEDIA_IN_RESULTS, functions=True, signatures=True)
    assert marked == set(callers.values_list("name", flat=True))
