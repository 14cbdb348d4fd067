"""Mappings that remove a prefix of a name: seeded for other gateways and clients, and editable like other rows."""

from datetime import date
from typing import Any

import pytest
from django.apps import apps

from sessions_store.catalogue.resolution import Catalogue
from sessions_store.catalogue.rows import load
from sessions_store.catalogue.seeding import seed_name_prefixes
from sessions_store.models import ModelMapping

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("name", "upstream"),
    [
        ("google/gemini-2.5-flash", "gemini-2.5-flash"),
        ("gemini/gemini-3.8-flash", "gemini-3.8-flash"),
        ("vertex_ai/gemini-2.5-pro", "gemini-2.5-pro"),
        ("openai/gpt-4o-mini-2024-07-18", "gemini-3.5-flash-lite"),
        ("openai:gpt-4", "gemini-2.5-pro"),
        ("google-gla:gemini-2.5-flash", "gemini-2.5-flash"),
        ("google_genai:gemini-2.5-flash", "gemini-2.5-flash"),
        ("google/models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("models/google/gemini-2.5-flash", "gemini-2.5-flash"),
        ("publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("openrouter/google/gemini-2.5-flash", "gemini-2.5-flash"),
        ("google/gemini-99-neon", "gemini-99-neon"),
        ("openai/claude-4", None),
        ("anthropic/claude-4", None),
        ("openai/openai/gpt-4", None),
        ("google/", None),
    ],
)
def test_a_seeded_row_removes_a_prefix(name: str, upstream: str | None) -> None:
    resolution = Catalogue(load()).resolve(name, today=TODAY)

    assert (None if resolution is None else resolution.upstream) == upstream


def test_prefixes_are_rows_that_operators_edit() -> None:
    ModelMapping.objects.filter(public_name="google/*").delete()
    ModelMapping.objects.filter(public_name="gpt-4").update(defaults={"temperature": 0.2, "top_p": 0.5})
    ModelMapping.objects.filter(public_name="openai/*").update(defaults={"temperature": 0.7})
    ModelMapping.objects.create(public_name="azure/my-chat", upstream_model="gemini-2.5-flash")
    ModelMapping.objects.create(public_name="our-*", upstream_model="gemini-*")
    seeded = Catalogue(load())

    def resolved(name: str) -> Any:
        return seeded.resolve(name, today=TODAY)

    assert resolved("google/gemini-2.5-flash") is None
    assert resolved("azure/my-chat").changes == (("mapped", "azure/my-chat -> gemini-2.5-flash"),)
    assert resolved("our-2.5-pro").upstream == "gemini-2.5-pro"
    prefixed = resolved("openai/gpt-4")
    assert prefixed.changes == (("mapped", "openai/gpt-4 -> gpt-4"), ("mapped", "gpt-4 -> gemini-2.5-pro"))
    assert prefixed.defaults == {"temperature": 0.7, "top_p": 0.5}
    assert prefixed.mapping == "gpt-4"
    assert [name for name, _, _ in seeded.public_models(TODAY) if "/" in name or ":" in name] == ["azure/my-chat"]


def test_rows_that_lengthen_a_name_end() -> None:
    ModelMapping.objects.create(public_name="x*", upstream_model="xx*")

    assert Catalogue(load()).resolve("x", today=TODAY) is None


def test_the_migration_adds_prefixes_but_no_deleted_rows() -> None:
    ModelMapping.objects.filter(public_name__in=("gpt-4", "google/*", "gemini/*")).delete()
    ModelMapping.objects.create(public_name="google/*", upstream_model="gemini-2.5-flash")

    seed_name_prefixes(apps)

    assert not ModelMapping.objects.filter(public_name="gpt-4").exists()
    assert ModelMapping.objects.get(public_name="google/*").upstream_model == "gemini-2.5-flash"
    assert ModelMapping.objects.get(public_name="gemini/*").upstream_model == "*"
