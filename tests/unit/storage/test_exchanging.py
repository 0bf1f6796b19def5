"""Who is connected to a database that is to be exchanged, as a role sees it that may not see all of others."""

from __future__ import annotations

import psycopg
import pytest

from homeport.contract import DatabaseAddress
from homeport.storage.dumps.cluster import Cluster
from homeport.storage.dumps.exchanging import sessions
from tests.support.postgres import Cluster as Server

pytestmark = pytest.mark.needs_postgres


def test_a_session_of_another_role_of_which_the_beginning_is_hidden_is_named(
    postgres: Server, database: DatabaseAddress
) -> None:
    cluster = Cluster(database)
    with psycopg.connect(postgres.url(postgres.database(database), role="postgres")), cluster.managed() as connection:
        (found,) = sessions(connection, cluster.name)
    assert str(found).startswith("postgres at this machine since ")
