"""What the first migration makes that each database has in its own way: indexes of words, and counts of inboxes."""

from __future__ import annotations

from typing import Final

_WORDS: Final = ("message", "task", "lesson", "project")

# What search looks into; see sqlite/index.py.
_SQLITE_WORDS: Final = tuple(
    statement
    for kind in _WORDS
    for statement in (
        (
            f"CREATE VIRTUAL TABLE {kind}_words USING fts5 (words, content = '', contentless_delete = 1, detail = none,"
            " tokenize = 'unicode61 remove_diacritics 2')"
        ),
        f"CREATE VIRTUAL TABLE {kind}_vocabulary USING fts5vocab({kind}_words, instance)",
    )
)

_SQLITE_COUNTS: Final = (
    """
    CREATE TRIGGER deliveries_added AFTER INSERT ON deliveries BEGIN
        UPDATE inboxes SET
            total = total + (new.archived_at IS NULL),
            unread = unread + (new.archived_at IS NULL AND new.read_at IS NULL),
            last_number = new.number
        WHERE id = new.inbox;
    END
    """,
    """
    CREATE TRIGGER deliveries_changed AFTER UPDATE OF read_at, archived_at ON deliveries BEGIN
        UPDATE inboxes SET
            total = total + (new.archived_at IS NULL) - (old.archived_at IS NULL),
            unread = unread + (new.archived_at IS NULL AND new.read_at IS NULL)
                - (old.archived_at IS NULL AND old.read_at IS NULL)
        WHERE id = new.inbox;
    END
    """,
    """
    CREATE TRIGGER deliveries_removed AFTER DELETE ON deliveries BEGIN
        UPDATE inboxes SET
            total = total - (old.archived_at IS NULL),
            unread = unread - (old.archived_at IS NULL AND old.read_at IS NULL)
        WHERE id = old.inbox;
    END
    """,
)

# What search looks into; see postgres/index.py.
_POSTGRES_WORDS: Final = tuple(
    statement
    for kind in _WORDS
    for statement in (
        (
            f"CREATE TABLE {kind}_words (seq BIGINT NOT NULL, words TSVECTOR NOT NULL,"
            f" CONSTRAINT pk_{kind}_words PRIMARY KEY (seq))"
        ),
        f"CREATE INDEX ix_{kind}_words_words ON {kind}_words USING gin (words)",
    )
)

_POSTGRES_COUNTS: Final = (
    """
    CREATE FUNCTION deliveries_counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'INSERT' THEN
            UPDATE inboxes SET
                total = total + CAST(new.archived_at IS NULL AS INT),
                unread = unread + CAST(new.archived_at IS NULL AND new.read_at IS NULL AS INT),
                last_number = new.number
            WHERE id = new.inbox;
        ELSIF TG_OP = 'UPDATE' THEN
            UPDATE inboxes SET
                total = total + CAST(new.archived_at IS NULL AS INT) - CAST(old.archived_at IS NULL AS INT),
                unread = unread + CAST(new.archived_at IS NULL AND new.read_at IS NULL AS INT)
                    - CAST(old.archived_at IS NULL AND old.read_at IS NULL AS INT)
            WHERE id = new.inbox;
        ELSE
            UPDATE inboxes SET
                total = total - CAST(old.archived_at IS NULL AS INT),
                unread = unread - CAST(old.archived_at IS NULL AND old.read_at IS NULL AS INT)
            WHERE id = old.inbox;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER deliveries_added AFTER INSERT ON deliveries
        FOR EACH ROW EXECUTE FUNCTION deliveries_counted()
    """,
    """
    CREATE TRIGGER deliveries_changed AFTER UPDATE OF read_at, archived_at ON deliveries
        FOR EACH ROW EXECUTE FUNCTION deliveries_counted()
    """,
    """
    CREATE TRIGGER deliveries_removed AFTER DELETE ON deliveries
        FOR EACH ROW EXECUTE FUNCTION deliveries_counted()
    """,
)

_POSTGRES_FUNCTIONS: Final = (
    # The texts of a JSON list. PostgreSQL refuses lists with U+0000 or half a surrogate pair, which earlier data may
    # have: they have no texts to be found by.
    """
    CREATE FUNCTION homeport_texts(list TEXT) RETURNS SETOF TEXT LANGUAGE plpgsql IMMUTABLE ROWS 3 AS $$ BEGIN
        IF list = '[]' THEN
            RETURN;
        END IF;
        RETURN QUERY SELECT json_array_elements_text(CAST(list AS JSON));
    EXCEPTION WHEN data_exception THEN
        RETURN;
    END $$
    """,
    # The day in a task's metadata, YYYY-MM-DD; null where it has none that is in the calendar.
    """
    CREATE FUNCTION homeport_due(metadata TEXT) RETURNS TEXT LANGUAGE plpgsql STABLE AS $$
    DECLARE
        due JSON;
        day TEXT;
    BEGIN
        IF strpos(metadata, '"due"') = 0 THEN
            RETURN NULL;
        END IF;
        due = CAST(metadata AS JSON) -> 'due';
        IF json_typeof(due) IS DISTINCT FROM 'string' THEN
            RETURN NULL;
        END IF;
        day = substr(due #>> '{}', 1, 10);
        IF day !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' OR day < '0001' THEN
            RETURN NULL;
        END IF;
        RETURN CASE WHEN to_char(CAST(day AS DATE), 'YYYY-MM-DD') = day THEN day END;
    EXCEPTION WHEN data_exception THEN
        RETURN NULL;
    END $$
    """,
)

STATEMENTS: Final = {
    "sqlite": (*_SQLITE_WORDS, *_SQLITE_COUNTS),
    "postgresql": (*_POSTGRES_WORDS, *_POSTGRES_COUNTS, *_POSTGRES_FUNCTIONS),
}
"""By the name of the dialect."""
