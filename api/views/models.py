"""`GET /v1/models` and `GET /v1/models/{id}`: the models that clients may name."""

from datetime import UTC, date, datetime

from django.http import HttpRequest, HttpResponse

from api.errors import ModelNotFoundError
from api.http.view import GatewayView, json_response
from api.openai.models import Model, ModelList
from api.views.operation import Operation


class _ModelsView(GatewayView):
    """The models that the caller may use."""

    family = "models"

    def _permits(self, name: str, today: date) -> bool:
        """Return whether the caller's policy permits a model of the catalogue."""
        policy = self.caller.policy
        if not policy.models:
            return True
        resolution = self.catalogue.resolve(name, today=today)
        return resolution is not None and policy.permits_model(name, resolution.upstream)


class ModelListView(_ModelsView):
    """The public models of the mappings, and the available upstream models."""

    @Operation(
        name="listModels",
        what="List the models that requests can name.",
        response=ModelList,
    )
    async def get(self, request: HttpRequest) -> HttpResponse:
        """List the models; like OpenAI's, the list has no pages."""
        catalogue = self.catalogue
        today = datetime.now(UTC).date()
        models = [_model(*row) for row in catalogue.public_models(today) if self._permits(row[0], today)]
        body: ModelList = {"object": "list", "data": models}
        return json_response(body)


class ModelView(_ModelsView):
    """One model: a listed name, or any name that resolves to an upstream model."""

    @Operation(name="retrieveModel", what="Return a model by its requested name.", response=Model)
    async def get(self, request: HttpRequest, model: str) -> HttpResponse:
        """Return the model; raises ModelNotFoundError."""
        model = model.rstrip("/")
        catalogue = self.catalogue
        today = datetime.now(UTC).date()
        wanted = model.removeprefix("models/")
        listed = {row[0]: row for row in catalogue.public_models(today)}
        if wanted in listed and self._permits(wanted, today):
            return json_response(_model(*listed[wanted]) | {"id": model})
        resolution = catalogue.resolve(model, today=today)
        if resolution is None or not self._permits(model, today):
            raise ModelNotFoundError(f"The model '{model[:200]}' does not exist.", param="model")
        _, created, owner = listed.get(resolution.upstream, (model, 0, "google"))
        return json_response(_model(model, created, owner))


def _model(model_id: str, created: int, owned_by: str) -> Model:
    return {"id": model_id, "object": "model", "created": created, "owned_by": owned_by}
