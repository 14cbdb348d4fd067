"""`GET /v1/models` and `GET /v1/models/{id}`: the models that clients may name."""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse

from api.errors import ModelNotFoundError
from api.http.view import GatewayView, json_response
from api.openai.models import Model, ModelList
from api.views.operation import Operation


class ModelListView(GatewayView):
    """The public models of the mappings, and the available upstream models."""

    @Operation(
        name="listModels",
        what="List the models that requests can name.",
        response=ModelList,
    )
    async def get(self, request: HttpRequest) -> HttpResponse:
        """List the models; like OpenAI's, the list has no pages."""
        catalogue = self.catalogue
        models = [_model(*row) for row in catalogue.public_models(datetime.now(UTC).date())]
        body: ModelList = {"object": "list", "data": models}
        return json_response(body)


class ModelView(GatewayView):
    """One model: a listed name, or any name that resolves to an upstream model."""

    @Operation(name="retrieveModel", what="Return a model by its requested name.", response=Model)
    async def get(self, request: HttpRequest, model: str) -> HttpResponse:
        """Return the model; raises ModelNotFoundError."""
        model = model.rstrip("/")
        catalogue = self.catalogue
        today = datetime.now(UTC).date()
        wanted = model.removeprefix("models/")
        listed = {row[0]: row for row in catalogue.public_models(today)}
        if wanted in listed:
            return json_response(_model(*listed[wanted]) | {"id": model})
        resolution = catalogue.resolve(model, today=today)
        if resolution is None:
            raise ModelNotFoundError(f"The model '{model[:200]}' does not exist.", param="model")
        _, created, owner = listed.get(resolution.upstream, (model, 0, "google"))
        return json_response(_model(model, created, owner))


def _model(model_id: str, created: int, owned_by: str) -> Model:
    return {"id": model_id, "object": "model", "created": created, "owned_by": owned_by}
