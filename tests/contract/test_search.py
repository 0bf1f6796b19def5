"""What every store finds by words: in every script, whatever signs stand in the question."""

from __future__ import annotations

from itertools import product

from homeport.coordination.addresses import Address
from homeport.coordination.search import KINDS, SearchKind, SearchQuery, words_of
from homeport.coordination.store import Records, Store
from tests.support import given
from tests.support.desk import START

TEXTS = {
    "german": "Die Straße ist GESPERRT; Öl läuft aus",
    "french": "Le cafe\u0301 d'été a brûlé à 10h30",
    "japanese": "日本語のテスト です",
    "hebrew": "שלום עולם (today)",
    "arabic": "مرحبا بالعالم",
    "russian": "Ёлка и МОРОЗ",  # noqa: RUF001 - Cyrillic it is
    "greek": "Οδός και λόγος",
    "emoji": "Ready ★ ☃ done",
    "code": 'SELECT "x" FROM foo_bar WHERE a:b AND NOT NEAR(c, 3) -- e.g. user@example.org/v1.2',
    "turkish": "İstanbul'da çığ",
}


def _fill(records: Records) -> None:
    for name, text in TEXTS.items():
        records.messages.add(given.message(name, subject="Note", body=text), [])


FOUND = {
    "straße": "german",
    "STRASSE": "",
    "gesperrt": "german",
    "ol lauft": "german",
    "aus öl": "german",
    "gesp": "german",
    "gesp aus": "",
    "aus gesp": "german",
    "café": "french",
    "cafe\u0301": "french",
    "CAFE": "french",
    "d'ete": "french",
    "10h30": "french",
    "日本語のテスト": "japanese",
    "日本語": "japanese",
    "テスト": "",
    "です 日本語のテスト": "japanese",
    "שלום": "hebrew",
    "עולם שלום": "hebrew",
    "(today)": "hebrew",
    "مرحبا": "arabic",
    "ёлка мороз": "russian",
    "ЁЛКА": "russian",
    "λόγος": "greek",
    "ΛΌΓΟΣ": "greek",
    "λόγο": "greek",
    "ready done": "emoji",
    "★ ready": "emoji",
    "foo_bar": "code",
    "bar foo": "code",
    '"x" select': "code",
    "a:b": "code french",
    "AND OR": "code",
    "near(c": "code",
    "c*": "turkish code french",
    "user@example.org": "code",
    "v1.2": "code",
    "-- e.g.": "code",
    "istanbul": "turkish",
    "cig": "",
    "çığ": "turkish",
    "note ^select": "code",
    "note": " ".join(reversed(TEXTS)),
    "{foo}: x": "code",
    "note note note": " ".join(reversed(TEXTS)),
}


async def test_a_question_finds_what_holds_all_its_words(store: Store) -> None:
    await store.write(_fill)

    def ask(records: Records) -> dict[str, str]:
        found = {}
        for question in FOUND:
            hits = records.search(SearchQuery(words_of(question), "message", limit=50))
            found[question] = " ".join(hit.id for hit in hits)
        return found

    assert await store.read(ask) == FOUND


async def test_no_sign_in_a_question_is_part_of_a_query_language(store: Store) -> None:
    await store.write(_fill)
    signs = ('"', "'", "foo_bar", "a AND b", "NEAR(", "*", "^", "x:", "-", "(", "\\", "🚀", "%", "x" * 3000)

    def look(records: Records) -> None:
        for sign, kind in product(signs, KINDS):
            for question in (f"x {sign}", f"{sign} x", f"{sign}x{sign}"):
                records.search(SearchQuery(words_of(question), kind))

    await store.read(look)


def _everywhere(records: Records) -> None:
    for name in ("p", "q"):
        records.projects.put(given.project(name, name=f"Harbour {name}", description="with a crane"))
        records.tasks.add(given.task("t", project_id=name, title="Paint the crane", description="in the harbour"))
        of = given.submission(f"s-{name}", project_id=name)
        records.lessons.add(of, [given.lesson("l", of, content="Never paint a wet crane", context="harbour")])
        team = Address("project", name)
        records.messages.add(given.message(f"m-{name}", [team], subject="Crane", body="harbour paint"), [])
    records.tasks.add(given.task("t", title="Another crane", description="harbour"))


async def test_every_kind_is_found_by_the_words_of_all_its_texts_newest_first(store: Store) -> None:
    await store.write(_everywhere)
    wanted: dict[SearchKind, list[tuple[str, str | None]]] = {
        "message": [("m-q", "q"), ("m-p", "p")],
        "task": [("t", None), ("q/t", "q"), ("p/t", "p")],
        "lesson": [("l", "q"), ("l", "p")],
        "project": [("q", "q"), ("p", "p")],
    }

    def look(records: Records) -> None:
        for kind, found in wanted.items():
            hits = records.search(SearchQuery(("crane", "harb"), kind))
            assert [hit.kind for hit in hits] == [kind] * len(found)
            assert [hit.project_id for hit in hits] == [project for _, project in found], kind
            assert [hit.id.rpartition("/")[2] for hit in hits] == [name.rpartition("/")[2] for name, _ in found]
            seqs = [hit.seq for hit in hits]
            assert seqs == sorted(seqs, reverse=True)
            assert all(hit.at == START and hit.title for hit in hits)
            for at, seq in enumerate(seqs):
                rest = records.search(SearchQuery(("crane", "harb"), kind, before=seq))
                assert [hit.seq for hit in rest] == seqs[at + 1 :]
            assert [hit.seq for hit in records.search(SearchQuery(("crane",), kind, limit=1))] == seqs[:1]
            in_project = records.search(SearchQuery(("crane",), kind, project_id="p"))
            assert [hit.project_id for hit in in_project] == ["p"]
            assert records.search(SearchQuery(("crane", "submarine"), kind)) == []

    await store.read(look)


async def test_the_number_of_a_lesson_in_a_hit_leads_to_the_lesson(store: Store) -> None:
    await store.write(_everywhere)

    def look(records: Records) -> None:
        for hit in records.search(SearchQuery(("wet",), "lesson")):
            found = records.lessons.get(hit.seq)
            assert found is not None
            assert found.project_id == hit.project_id

    await store.read(look)


async def test_who_asks_finds_what_was_sent_on_its_channels_or_by_it(store: Store) -> None:
    def work(records: Records) -> None:
        records.messages.add(given.message("to-bob", ["bob"], body="secret"), ["bob"])
        records.messages.add(given.message("to-all", [Address("all"), "eve"], body="secret"), ["bob", "eve"])
        records.messages.add(given.message("to-eve", ["eve"], body="secret"), ["eve"])
        records.messages.add(given.message("by-bob", ["eve"], sender="bob", body="secret"), ["eve"])

    await store.write(work)
    wanted = {
        (("instance:bob", "all"), "bob"): "by-bob to-all to-bob",
        (("instance:eve", "all"), "eve"): "by-bob to-eve to-all",
        (("all",), "nobody"): "to-all",
        ((), "bob"): "by-bob",
        (("instance:BOB",), None): "",
        (None, None): "by-bob to-eve to-all to-bob",
    }

    def look(records: Records) -> None:
        for (channels, reader), ids in wanted.items():
            hits = records.search(SearchQuery(("secret",), "message", channels, reader))
            assert [hit.id for hit in hits] == ids.split(), (channels, reader)

    await store.read(look)


async def test_what_changed_or_went_is_found_as_it_is_now(store: Store) -> None:
    def work(records: Records) -> None:
        records.projects.put(given.project("p", description="before"))
        records.projects.put(given.project("p", description="after"))
        task = records.tasks.add(given.task("t", project_id="p", description="before"))
        records.tasks.update(given.task("t", project_id="p", description="after", seq=task.seq))
        seq = records.messages.add(given.message("m", body="before after"), []).seq
        records.messages.delete(seq)

    await store.write(work)

    def found(records: Records, word: str) -> list[str]:
        kinds: tuple[SearchKind, ...] = ("message", "task", "lesson", "project")
        return [hit.kind for kind in kinds for hit in records.search(SearchQuery((word,), kind))]

    assert await store.read(lambda records: found(records, "before")) == []
    assert await store.read(lambda records: found(records, "after")) == ["task", "project"]
    await store.write(lambda records: records.projects.delete("p"))
    assert await store.read(lambda records: found(records, "after")) == []


async def test_a_snippet_shows_the_words_and_is_short(store: Store) -> None:
    body = "Lorem ipsum dolor sit amet. " * 200 + "The needle lies here. " + "Consectetur adipiscing elit. " * 200

    def work(records: Records) -> None:
        records.messages.add(given.message("m", body=body), [])
        records.messages.add(given.message("n", subject="A needle", body="🚀" * 3000), [])
        records.messages.add(given.message("o", subject="Needle", body="日本語" * 3000), [])

    await store.write(work)
    hits = await store.read(lambda records: records.search(SearchQuery(("needle",), "message")))
    assert [hit.id for hit in hits] == ["o", "n", "m"]
    assert "needle" in hits[-1].snippet
    assert all(len(hit.snippet) <= 200 for hit in hits)
    assert all("needle" in f"{hit.title} {hit.snippet}".casefold() for hit in hits)
