"""`/v1/organization/users`: the people of the organization, who are managed in the admin site."""

from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse

from api.openai.organization.objects import OrganizationUser, Page
from api.openai.organization.query import PAGE_NAMES, PageQuery, page_of, read_query
from api.views.operation import Operation, OperationParameter
from api.views.organization.paging import AFTER, LIMIT, page
from api.views.organization.view import OrganizationView, answer, missing, stamp
from sessions_store.models import User

_EMAILS = OperationParameter(
    name="emails[]", schema={"type": "array", "items": {"type": "string"}}, what="Only users with these addresses."
)


class UsersView(OrganizationView):
    """All people; service accounts belong to projects."""

    @Operation(
        name="listUsers", what="List the users.", response=Page[OrganizationUser], parameters=(AFTER, LIMIT, _EMAILS)
    )
    async def get(self, request: HttpRequest) -> HttpResponse:
        """List the users, the oldest first."""
        query = read_query(self.query_pairs(request), one=PAGE_NAMES, several=("emails",))
        return answer(await self.services.store.read(_list, page_of(query), query.several.get("emails", ())))


class UserView(OrganizationView):
    """One person."""

    @Operation(name="retrieveUser", what="Return a user.", response=OrganizationUser)
    async def get(self, request: HttpRequest, user: str) -> HttpResponse:
        """Return the user."""
        read_query(self.query_pairs(request))
        return answer(await self.services.store.read(_retrieve, user))


def _people() -> QuerySet[User]:
    return User.objects.filter(kind=User.Kind.PERSON).annotate(key_used_at=Max("keys__last_used_at"))


def _list(query: PageQuery, emails: tuple[str, ...]) -> Page[OrganizationUser]:
    people = _people().filter(email__in=emails) if emails else _people()
    return page(people, query, _encode)


def _retrieve(user_id: str) -> OrganizationUser:
    found = _people().filter(public_id=user_id).first()
    if found is None:
        raise missing("user", "user_id")
    return _encode(found)


def _encode(user: User) -> OrganizationUser:
    public_id, name, added = (
        user.public_id or "",
        user.get_full_name() or user.username,
        int(user.date_joined.timestamp()),
    )
    used_at = vars(user)["key_used_at"]  # the annotation of `_people`
    return {
        "object": "organization.user",
        "id": public_id,
        "name": name,
        "email": user.email,
        "role": "owner" if user.is_superuser else "reader",
        "added_at": added,
        "created": added,
        "api_key_last_used_at": stamp(used_at),
        "is_service_account": False,
        "user": {"object": "user", "id": public_id, "name": name, "email": user.email, "enabled": user.is_active},
    }
