"""Import: a directory's value into records, all in one transaction of the caller's.

A record that was imported before is left as it is now, so a second import changes nothing; records that are new
since are added; records that differ from what was imported, or from what is there already, are reported.
"""

from __future__ import annotations

from homeport.coordination import events, messages
from homeport.coordination.roles import Role, RoleDocument
from homeport.coordination.store import Records
from homeport.coordination.values import Millis
from homeport.exchange.json_v1 import instances, lessons, projects, roles
from homeport.exchange.json_v1.directory import Directory
from homeport.exchange.json_v1.importing_messages import import_messages
from homeport.exchange.json_v1.importing_tasks import import_tasks
from homeport.exchange.json_v1.intake import Intake
from homeport.exchange.json_v1.layout import Kind
from homeport.exchange.json_v1.ledger import same
from homeport.exchange.json_v1.report import Report
from homeport.exchange.json_v1.shapes import Notes, clean, usable_name


def import_directory(records: Records, directory: Directory, now: Millis) -> Report:
    """Puts a directory into records, and says what became of it.

    Args:
        records: within the one transaction that makes it all or nothing.
        directory: as :func:`~homeport.exchange.json_v1.directory.read_directory` gives it.
        now: the time of the import, for its event and for memberships; records keep their own times.

    Returns:
        Counts per noun, and what was odd.
    """
    intake = Intake(records, directory)
    arrived = _import_instances(intake)
    _import_projects(intake, now)
    import_tasks(intake)
    _import_roles(intake)
    _import_documents(intake)
    _import_lessons(intake)
    for one in arrived:
        instance = records.instances.get(one)
        if instance is not None:
            messages.deliver_waiting(records, instance, now)
    audience = import_messages(intake)
    report = intake.report
    if report.changed:
        counts = {noun: count.imported for noun, count in report.counts.items()}
        events.record(records, "data.imported", now, audience=tuple(sorted(audience)), data=counts)
    return report


def _import_instances(intake: Intake) -> list[str]:
    arrived = []
    for item in intake.new(Kind.INSTANCES, "instances"):
        key = intake.key(item, "instances")
        if key is None:
            continue
        notes = Notes()
        instance = instances.decode(item.record, intake.context(item, key), notes)
        known = intake.records.instances.get(key)
        if known is not None:
            patched = instances.SHAPE.patched(item.record, instance, known)
            intake.known(item, "instances", is_same=patched is item.record)
            continue
        intake.records.instances.put(instance)
        intake.imported(item, "instances", key, notes)
        arrived.append(key)
    return arrived


def _import_projects(intake: Intake, now: Millis) -> None:
    for item in intake.new(Kind.MANIFEST, "projects"):
        key = intake.key(item, "projects")
        if key is None:
            continue
        notes = Notes()
        project = projects.decode(item.record, intake.context(item, key), notes)
        known = intake.records.projects.get(key)
        if known is not None:
            patched = projects.SHAPE.patched(item.record, project, known)
            intake.known(item, "projects", is_same=patched is item.record)
            continue
        intake.records.projects.put(project)
        for member in projects.listed_members(item.record):
            if intake.records.instances.exists(member):
                intake.records.projects.add_member(key, member, now)
        intake.imported(item, "projects", key, notes)


def _import_roles(intake: Intake) -> None:
    for item in intake.new(Kind.ROLES, "roles"):
        key = intake.key(item, "roles")
        if key is None:
            continue
        role = roles.decode(item.record, key)
        known = intake.records.roles.get(key)
        if known is not None:
            intake.known(item, "roles", is_same=same(known.description, role.description))
            continue
        intake.records.roles.put(role)
        intake.imported(item, "roles", key, Notes())


def _import_documents(intake: Intake) -> None:
    for item in intake.new(Kind.DOCUMENT, "documents"):
        name = item.path.rpartition("/")[2]
        role_name = usable_name(item.place.owner)
        role = intake.records.roles.get(role_name)
        if role is None:
            # Documents are found through their role.
            role = Role(role_name, {})
            intake.records.roles.put(role)
            intake.odd(
                "roles",
                item.path,
                f"no role {role_name!r} in roles/roles.json",
                "the role is made, without a description",
            )
        key = f"{role.name}/{name}"
        first = intake.ledger.entry(Kind.DOCUMENT, key)
        known = [one for one in intake.records.roles.documents(role.name) if one.name == name]
        text = str(clean(item.record))
        if first is not None:
            intake.shadow(item, "documents", first.path)
        elif known:
            intake.known(item, "documents", is_same=known[0].text == text)
        else:
            intake.records.roles.put_document(RoleDocument(role.name, name, text))
            intake.imported(item, "documents", key, Notes())


def _import_lessons(intake: Intake) -> None:
    for item in intake.new(Kind.LESSONS, "submissions"):
        key = intake.key(item, "submissions", by_content=True)
        if key is None:
            continue
        notes = Notes()
        submission, learned = lessons.decode(item.record, intake.context(item, key, item.place.owner), notes)
        known = intake.records.lessons.submission(key)
        if known is not None:
            there = intake.records.lessons.of_submission(key)
            is_same = known == submission and [one.content for one in there] == [one.content for one in learned]
            intake.known(item, "submissions", is_same=is_same)
            continue
        intake.records.lessons.add(submission, learned)
        intake.imported(item, "submissions", key, notes)
