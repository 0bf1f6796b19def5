"""Databases: that cannot be asked, are another's, cannot be backed up, run full, stand still or fall behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from homeport.contract.database import DatabaseState, DatabaseTable
from homeport.environments.doctor.facts import DirectoryFact, HostFacts
from homeport.environments.doctor.finding import Finding, Kind, Severity
from homeport.environments.doctor.servers import find_server_faults
from homeport.environments.environment import Environment
from homeport.environments.words import size, span

OLDEST: Final = 14
"""The oldest major version that a server of ours opens."""
ENCODING: Final = "UTF8"
FULL: Final = 0.8
"""Of the connections; beyond it the next server may find none."""
LONG_SECONDS: Final = 300.0
"""A transaction that is open for so long keeps rows that nobody needs, on all tables; none of ours is."""
DEAD_ROWS: Final = 50_000
"""Fewer are not worth a word, whatever their part is."""
BEHIND_BYTES: Final = 64 << 20
BEHIND_SECONDS: Final = 60.0


def find_database_faults(environments: Sequence[Environment], facts: HostFacts) -> Iterator[Finding]:
    """What is wrong with declared databases; none of it where the data are in a file."""
    for environment in environments:
        state = facts.databases.get(environment.name)
        if state is None:
            continue
        judge = _Judge(environment, state)
        if state["problem"]:
            yield judge.unreachable()
            continue
        yield from judge.whose(facts.identities.get(environment.name))
        yield from judge.server()
        yield from judge.rights()
        yield from judge.room()
        yield from judge.replication()
        yield from judge.scratches()
        yield from find_server_faults(environment.name, state, facts.now)
        yield from judge.kept(facts.directories)


class _Judge:
    """Says what is wrong with one database."""

    def __init__(self, environment: Environment, state: DatabaseState) -> None:
        self._environment = environment
        self._name = environment.name
        self._state = state

    def unreachable(self) -> Finding:
        """It cannot be asked."""
        return self._finding(
            "database-unreachable",
            "critical",
            f"The database of {self._name} cannot be asked.",
            (self._state["problem"],),
            "Its server answers nobody, or will not once it starts again, and nothing is backed up.",
            self._state.get("remedy") or f"homeport logs {self._name} and the database server's own log say why",
        )

    def whose(self, identity: str | None) -> Iterator[Finding]:
        """It is another's."""
        state = self._state
        there = (state["environment"], state["identity"])
        if state["environment"] is None or (state["environment"] == self._name and identity in (None, there[1])):
            return
        yield self._finding(
            "database-of-another",
            "critical",
            f"The declared database of {self._name} holds data of {state['environment']}"
            f"{'' if state['environment'] != self._name else ', but others than its data directory belongs to'}.",
            (
                f"the database says: {there[0]}, {there[1]}",
                f"the data directory: {self._name}, {identity or 'nothing'}",
            ),
            "Its server refuses to start on it.",
            f"declare the database of {self._name}, or move {self._environment.data_directory} away if the database is"
            " right",
        )

    def server(self) -> Iterator[Finding]:
        """Version, encoding, and whether it is written to."""
        state = self._state
        seen = (f"server_version {state['version']}", f"encoding {state['encoding']}")
        if state["major"] < OLDEST:
            yield self._finding(
                "database-old",
                "critical",
                f"The database server of {self._name} is PostgreSQL {state['version']}; {OLDEST} or newer is needed.",
                seen,
                "A server of Homeport refuses it, and nobody mends its faults any more.",
                "upgrade it (pg_upgrade), or restore a backup on a newer one",
            )
        if state["encoding"] != ENCODING:
            yield self._finding(
                "database-encoding",
                "critical",
                f"The database of {self._name} has the encoding {state['encoding']}, which cannot keep every text.",
                seen,
                "What people write in other scripts is refused.",
                "make one with ENCODING 'UTF8' TEMPLATE template0, and restore a backup into it",
            )
        if state["standby"]:
            yield self._finding(
                "database-standby",
                "critical",
                f"The database of {self._name} is a standby, which only reads.",
                ("pg_is_in_recovery() is true",),
                "Nothing can be stored.",
                "name the server that is written to (target_session_attrs=read-write finds it), or promote this one",
            )

    def rights(self) -> Iterator[Finding]:
        """What a backup, a drill and a restore need."""
        state = self._state
        missing = []
        if not state["may_create"]:
            missing.append(f"{state['role']} may not make databases: ALTER ROLE {state['role']} CREATEDB")
        if not state["owns_database"]:
            missing.append(f"{state['role']} does not own the database: ALTER DATABASE name OWNER TO {state['role']}")
        if state["not_owned"]:
            missing.append(f"{state['role']} does not own {', '.join(state['not_owned'])}: REASSIGN OWNED")
        if missing:
            yield self._finding(
                "backup-rights",
                "critical",
                f"The role {state['role']} cannot back up, drill and restore the database of {self._name}.",
                missing,
                "A backup fails, or one that cannot be tried is trusted.",
                "the database's administrator grants it; docs/postgresql-backups.md says what is needed and why",
            )
        if state["programs"]:
            yield self._finding(
                "pg-dump-missing",
                "critical",
                f"Nothing on this machine can back up the database of {self._name}.",
                (state["programs"],),
                "No backup is made.",
                f"apt-get install postgresql-client-{state['major']}",
            )

    def room(self) -> Iterator[Finding]:
        """Connections, transactions that stay open, and rows that nobody sees."""
        state = self._state
        for used, limit, what in (
            (state["connections"], state["connection_limit"], "the database server"),
            (state["database_connections"], state["database_limit"], "the database"),
        ):
            if limit and used >= FULL * limit:
                yield self._finding(
                    "connections-nearly-used",
                    "warning",
                    f"{used} of {limit} connections to {what} of {self._name} are in use.",
                    (f"{used} of {limit}",),
                    "The next server, or the next backup, finds none.",
                    "raise max_connections, or end what holds them: SELECT * FROM pg_stat_activity",
                )
        for one in state["transactions"][:1]:
            if one["seconds"] >= LONG_SECONDS:
                who = f"{one['user']} at {one['address']} ({one['program'] or 'nameless'}, process {one['pid']})"
                yield self._finding(
                    "transaction-long",
                    "warning",
                    f"A transaction on the database of {self._name} is open for {span(one['seconds'])}.",
                    (f"{who}, {one['state']}",),
                    "Rows that were changed or removed keep their room, and everything gets slower.",
                    f"end it where it was begun, or SELECT pg_terminate_backend({one['pid']})",
                )
        bloated = [one for one in state["tables"] if is_bloated(one)]
        if bloated:
            worst = bloated[0]
            yield self._finding(
                "database-bloated",
                "warning",
                f"More than half of the rows in {worst['name']} of {self._name} are dead.",
                [f"{one['name']}: {one['dead']} dead, {one['live']} live, {size(one['bytes'])}" for one in bloated],
                "It grows and gets slower; autovacuum does not keep up, or is off.",
                f"VACUUM (ANALYZE) {worst['name']}; look at autovacuum in postgresql.conf, and at long transactions",
            )

    def replication(self) -> Iterator[Finding]:
        """Standbys that fall behind, and a log that is not archived."""
        for one in self._state["standbys"]:
            behind, seconds = one["bytes"] or 0.0, one["seconds"] or 0.0
            if behind >= BEHIND_BYTES or seconds >= BEHIND_SECONDS:
                yield self._finding(
                    "standby-behind",
                    "warning",
                    f"The standby {one['name']} of {self._name} is {span(seconds)} and {size(int(behind))} behind.",
                    (f"{one['name']} at {one['address']}: {one['state']}",),
                    "What it has not may be lost with the server that it follows.",
                    "look at its log and its disk, and at the line between the two",
                )
        if self._state["archive_failure"]:
            yield self._finding(
                "log-not-archived",
                "critical",
                f"The log of the database of {self._name} is not archived any more.",
                (f"pg_stat_archiver: {self._state['archive_failure']} failed last",),
                "Recovery to a moment ends where it stopped, and the server's disk fills.",
                "the database server's log says what archive_command answered",
            )

    def scratches(self) -> Iterator[Finding]:
        """What killed runs left."""
        names = self._state["left_over"]
        if names:
            yield self._finding(
                "scratch-left-over",
                "warning",
                f"A run that was killed left {len(names)} scratch databases beside that of {self._name}.",
                names,
                "They take room on the database server.",
                f"homeport data sweep {self._name}",
            )

    def kept(self, directories: Sequence[DirectoryFact]) -> Iterator[Finding]:
        """What others took the place of; its directory is no more than its name."""
        for one in self._state["kept"]:
            beside = next((found for found in directories if found.database == one["name"]), None)
            when = f"{beside.newest:%Y-%m-%d %H:%M}" if beside is not None and beside.newest else "a time not known"
            yield self._finding(
                "database-kept",
                "warning",
                f"The database {one['name']} was kept when another became that of {self._name}, and no server uses it.",
                (
                    f"{size(one['bytes'])}, kept since {when}",
                    *([f"it belongs to {beside.path}"] if beside is not None else []),
                ),
                "It takes room on the database server, and nothing removes it by itself.",
                f"homeport data drop {self._name} --label {one['label']}, once nobody needs it",
            )

    def _finding(
        self, kind: Kind, severity: Severity, sentence: str, evidence: Sequence[str], consequence: str, mend: str
    ) -> Finding:
        return Finding(
            kind=kind,
            environment=self._name,
            severity=severity,
            sentence=sentence,
            evidence=tuple(evidence),
            consequence=consequence,
            mend=mend,
        )


def is_bloated(table: DatabaseTable) -> bool:
    """Whether a table has more dead rows than live ones, and many."""
    return table["dead"] >= DEAD_ROWS and table["dead"] > table["live"]
