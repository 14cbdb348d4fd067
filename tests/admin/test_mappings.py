"""Model mappings: the list, the dry run, the warnings, and the validation of the form."""

import re
from datetime import timedelta

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from sessions_store.catalogue.resolution import Catalogue
from sessions_store.catalogue.rows import load
from sessions_store.models import ModelMapping, ModelPrice, UpstreamModel

LIST = "admin:sessions_store_modelmapping_changelist"
DEADLINE = timezone.now().date() + timedelta(days=10)


def form(**changed: str) -> dict[str, str]:
    """Return the form data of a mapping with changed fields."""
    return {
        "public_name": "my-model",
        "upstream_model": "gemini-3.8-flash",
        "enabled": "on",
        "position": "5",
        "defaults": "{}",
        "description": "",
        **changed,
    }


def dry_run(operator: Client, name: str) -> str:
    page = operator.get(reverse(LIST), {"try": name}).content.decode()
    start = page.index('class="dry-run-answer"')
    return page[start : page.index("toolbar", start)]


def test_an_edited_mapping_changes_the_catalogue(operator: Client) -> None:
    mapping = ModelMapping.objects.get(public_name="gpt-4")
    address = reverse("admin:sessions_store_modelmapping_change", args=[mapping.pk])
    fields = form(public_name="gpt-4", upstream_model="models/gemini-3.8-flash", defaults='{"temperature": 0.3}')
    assert operator.post(address, fields).status_code == 302
    resolution = Catalogue(load()).resolve("gpt-4", today=timezone.now().date())
    assert resolution is not None
    assert (resolution.upstream, resolution.defaults) == ("gemini-3.8-flash", {"temperature": 0.3})


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"public_name": "two words"}, "letters, digits"),
        ({"public_name": "gpt-4"}, "already exists"),
        ({"upstream_model": "not a model"}, "a Gemini model id"),
        ({"upstream_model": "*"}, "requires exactly one *"),
        ({"defaults": '{"temperature": 0.2,\n temperature}'}, "valid JSON (line 2, column 2: "),
        ({"defaults": '{"temperature": 7}'}, "out of range"),
        ({"defaults": '{"colour": "blue"}'}, "not allowed as a default parameter"),
    ],
)
def test_an_invalid_mapping_has_an_error_message(operator: Client, changed: dict[str, str], complaint: str) -> None:
    response = operator.post(reverse("admin:sessions_store_modelmapping_add"), form(**changed))
    assert response.status_code == 200
    assert complaint in response.content.decode()
    assert not ModelMapping.objects.filter(public_name="my-model").exists()


def test_a_model_that_the_catalogue_does_not_know_is_saved_after_a_confirmation(operator: Client) -> None:
    address = reverse("admin:sessions_store_modelmapping_add")
    assert 'name="confirmed"' not in operator.get(address).content.decode()
    unknown = form(upstream_model="gemini-3.8-flush")
    page = operator.post(address, unknown)
    assert page.status_code == 200
    assert "gemini-3.8-flush is not in the catalogue" in page.content.decode()
    assert 'name="confirmed"' in page.content.decode()
    assert not ModelMapping.objects.filter(public_name="my-model").exists()
    assert operator.post(address, {**unknown, "confirmed": "on"}).status_code == 302
    assert ModelMapping.objects.get(public_name="my-model").upstream_model == "gemini-3.8-flush"


def test_a_rejected_change_leaves_the_name_on_the_page(operator: Client) -> None:
    mapping = ModelMapping.objects.get(public_name="gpt-4")
    address = reverse("admin:sessions_store_modelmapping_change", args=[mapping.pk])
    page = operator.post(address, form(public_name="gpt 4", upstream_model="gemini-3.8-flash")).content.decode()
    assert "letters, digits" in page
    assert f"<h2>{mapping}</h2>" in page
    assert "gpt 4 →" not in page


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt-4o-mini-2024-07-18", ["gemini-3.5-flash-lite", "gpt-4o-mini*"]),
        ("gemini-3.8-flash", ["gemini-3.8-flash", "No mapping used"]),
        ("models/gemini-3.8-flash", ["gemini-3.8-flash", "No mapping used"]),
        ("claude-4", ["model_not_found"]),
        ("openai/gpt-4", ["gemini-2.5-pro", "openai/gpt-4 → gpt-4", "gpt-4 → gemini-2.5-pro"]),
        ("gemini-99-neon", ["gemini-99-neon", "not in the catalogue"]),
    ],
)
def test_the_dry_run_shows_the_upstream_model_and_the_mapping(operator: Client, name: str, expected: list[str]) -> None:
    response = dry_run(operator, name)
    for text in expected:
        assert text in response


def test_the_dry_run_follows_a_retired_model_to_its_successor(operator: Client) -> None:
    heir = UpstreamModel.objects.get(name="gemini-3.8-flash")
    UpstreamModel.objects.filter(name="gemini-2.5-pro").update(retires_on="2020-01-01", successor=heir)
    response = dry_run(operator, "gpt-4")
    assert "gemini-2.5-pro → gemini-3.8-flash since 2020-01-01" in response


def test_an_upcoming_retirement_is_shown_in_the_list_and_on_the_start_page(operator: Client) -> None:
    heir = UpstreamModel.objects.get(name="gemini-3.8-flash")
    UpstreamModel.objects.filter(name="gemini-2.5-pro").update(retires_on=DEADLINE, successor=heir)
    row = operator.get(reverse(LIST), {"q": "gpt-4"}).content.decode()
    assert "Retires in 10 days → gemini-3.8-flash" in row
    start = operator.get(reverse("admin:index")).content.decode()
    assert "in 10 days" in start
    assert "From that day on, gemini-3.8-flash answers" in start


def test_mappings_are_disabled_and_enabled_together(operator: Client) -> None:
    chosen = list(ModelMapping.objects.filter(public_name__startswith="gpt-4").values_list("pk", flat=True))
    for action, enabled in (("disable", False), ("enable", True)):
        fields = {"action": action, "_selected_action": [str(pk) for pk in chosen]}
        response = operator.post(reverse(LIST), fields, follow=True)
        assert f"{len(chosen)} model mappings {action}d" in response.content.decode()
        assert set(ModelMapping.objects.filter(pk__in=chosen).values_list("enabled", flat=True)) == {enabled}


def test_the_list_of_many_mappings_needs_few_queries(
    operator: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    ModelMapping.objects.bulk_create(
        ModelMapping(public_name=f"name-{number}", upstream_model="gemini-2.5-pro") for number in range(400)
    )
    with django_assert_max_num_queries(9):
        assert operator.get(reverse(LIST)).status_code == 200


def test_a_price_is_edited_beside_its_model(operator: Client) -> None:
    model = UpstreamModel.objects.get(name="gemini-3.8-flash")
    page = operator.get(reverse("admin:sessions_store_upstreammodel_change", args=[model.pk])).content.decode()
    assert "USD per million tokens" in page
    price = ModelPrice.objects.filter(model=model).first()
    assert price is not None
    address = reverse("admin:sessions_store_modelprice_change", args=[price.pk])
    fields = {"model": model.pk, "tier": price.tier, "valid_from": price.valid_from, "input": "0.8125", "output": "4"}
    assert operator.post(address, fields).status_code == 302
    price.refresh_from_db()
    assert str(price.input) == "0.812500"
    catalogue = operator.get(reverse("admin:sessions_store_upstreammodel_changelist")).content.decode()
    assert "gemini-3.8-flash" in catalogue


@pytest.mark.parametrize("model", [UpstreamModel, ModelPrice, ModelMapping])
def test_a_form_has_every_column(operator: Client, model: type[Model]) -> None:
    row = model._default_manager.first()
    assert row is not None
    name = model._meta.model_name
    page = operator.get(reverse(f"admin:sessions_store_{name}_change", args=[row.pk])).content.decode()
    for field in model._meta.fields:
        if field.editable and field.name != "id":
            assert f'name="{field.name}"' in page, field.name


def test_every_field_of_the_price_table_has_a_name(operator: Client) -> None:
    model = UpstreamModel.objects.get(name="gemini-3.8-flash")
    page = operator.get(reverse("admin:sessions_store_upstreammodel_change", args=[model.pk])).content.decode()
    table = page[page.index('id="prices-group"') :]
    fields = re.findall(r"<(?:input|select|textarea)[^>]*>", table[: table.index("</fieldset>")])
    shown = [field for field in fields if 'type="hidden"' not in field and 'type="checkbox"' not in field]
    assert len(shown) >= 7
    assert [field for field in shown if "aria-label=" not in field] == []
    price = model.prices.first()
    assert price is not None
    assert f'aria-label="Input, {price.get_tier_display()} from {price.valid_from}"' in table
