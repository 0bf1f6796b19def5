"""Operations on roles and their documents."""

from __future__ import annotations

from typing import Any

from homeport.coordination import roles
from homeport.coordination.store import Records
from homeport.coordination.values import JsonObject
from homeport.operations.operation import Arguments, Call, Http, Operation


class GetAvailableRoles(Arguments):
    """``get_available_roles`` takes nothing."""


class GetRoleDocuments(Arguments):
    """Arguments of ``get_role_documents`` and ``get_all_role_documents``."""

    role_name: str


class GetRoleDocument(Arguments):
    """Arguments of ``get_role_document``."""

    role_name: str
    document_name: str


def _list(records: Records, given: GetAvailableRoles, call: Call) -> JsonObject:
    del given, call
    found = records.roles.all()
    return {"roles": [{"name": role.name, **role.description} for role in found], "total": len(found)}


def _documents(records: Records, given: GetRoleDocuments, call: Call) -> JsonObject:
    del call
    role = roles.required(records, given.role_name)
    names = [document.name for document in records.roles.documents(role.name)]
    return {"role": role.name, "documents": names, "total": len(names)}


def _document(records: Records, given: GetRoleDocument, call: Call) -> JsonObject:
    del call
    document = roles.document(records, given.role_name, given.document_name)
    return {"role": document.role, "document": document.name, "content": document.text}


def _all_documents(records: Records, given: GetRoleDocuments, call: Call) -> JsonObject:
    del call
    role = roles.required(records, given.role_name)
    found = [{"document": document.name, "content": document.text} for document in records.roles.documents(role.name)]
    return {"role": role.name, "documents": found, "total": len(found)}


_DOCUMENTS: dict[str, Any] = {
    "role": {"type": "string"},
    "documents": {"type": "array"},
    "total": {"type": "integer"},
}

OPERATIONS = (
    Operation(
        name="get_available_roles",
        summary="The roles that are described here.",
        arguments=GetAvailableRoles,
        work=_list,
        kind="read",
        http=Http("GET", "/roles"),
        answer={"roles": {"type": "array"}, "total": {"type": "integer"}},
        listed=False,
    ),
    Operation(
        name="get_role_documents",
        summary="The names of a role's documents.",
        arguments=GetRoleDocuments,
        work=_documents,
        kind="read",
        http=Http("GET", "/roles/{role_name}/documents"),
        answer=_DOCUMENTS,
        listed=False,
    ),
    Operation(
        name="get_role_document",
        summary="One document of a role.",
        arguments=GetRoleDocument,
        work=_document,
        kind="read",
        http=Http("GET", "/roles/{role_name}/documents/{document_name}"),
        answer={"role": {"type": "string"}, "document": {"type": "string"}, "content": {"type": "string"}},
        listed=False,
    ),
    Operation(
        name="get_all_role_documents",
        summary="All documents of a role, whole.",
        arguments=GetRoleDocuments,
        work=_all_documents,
        kind="read",
        http=Http("GET", "/roles/{role_name}/texts"),
        answer=_DOCUMENTS,
        listed=False,
    ),
)
