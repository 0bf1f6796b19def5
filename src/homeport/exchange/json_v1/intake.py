"""The intake: what every noun's import shares: which records are new, the counts, and what was odd."""

from __future__ import annotations

from collections.abc import Iterator

from homeport.coordination.store import Records
from homeport.exchange.json_v1.directory import Directory
from homeport.exchange.json_v1.jsontext import Json
from homeport.exchange.json_v1.layout import Kind
from homeport.exchange.json_v1.ledger import Item, Ledger, items, same, source_id
from homeport.exchange.json_v1.report import Odd, Report
from homeport.exchange.json_v1.shapes import Context, Notes, clean, moment, usable_name


class Intake:
    """One import under way."""

    def __init__(self, records: Records, directory: Directory) -> None:
        self.records = records
        self.ledger = Ledger(records)
        self.report = Report("import", files=len(directory.files), odd=list(directory.odd))
        self._directory = directory
        self._envelopes = {file.path: file.envelope for file in directory.files}
        self._said: set[Odd] = set()
        for file in directory.files:
            if file.place.kind is not Kind.DOCUMENT:
                self.ledger.put_envelope(file)

    def new(self, kind: Kind, noun: str) -> Iterator[Item]:
        """The records of a kind that were not imported before; the others are counted and left as they are."""
        for file in self._directory.of(kind):
            for item in items(file):
                self._tally(item, noun, "read")
                known = self.ledger.find(item)
                if known is None:
                    yield item
                else:
                    self.known(item, noun, is_same=same(known.record, item.record))

    def known(self, item: Item, noun: str, *, is_same: bool, what: str = "differs from what is here") -> None:
        """Counts a record that is here already, and says so where it is another."""
        self._tally(item, noun, "already_there" if is_same else "left_alone")
        if not is_same:
            self.odd(noun, where(item), what, "what is here stays as it is")

    def key(self, item: Item, noun: str, prefix: str = "", *, by_content: bool = False) -> str | None:
        """What a record will be called here: its own id, or one like it that can be an id here.

        None where it stands twice; then it is kept for the export, and counted. Whether it does, its id tells,
        or with ``by_content`` all of it.
        """
        name = wanted = usable_name(item.source_id)
        number = 1
        while (entry := self.ledger.entry(item.kind, prefix + wanted)) is not None:
            if same(entry.record, item.record) if by_content else source_id(item.kind, entry.record) == item.source_id:
                self.shadow(item, noun, entry.path)
                return None
            number += 1
            wanted = f"{name}-{number}"
        if wanted != item.source_id:
            self.odd(noun, where(item), "its id cannot be one here", f"called {wanted} here")
        return prefix + wanted

    def shadow(self, item: Item, noun: str, path: str) -> None:
        """Keeps a record that stands twice for the export alone."""
        self.ledger.put(item, "")
        self._tally(item, noun, "left_alone")
        self.odd(noun, where(item), f"stands in {path} already", "the first one counts; this one is kept for an export")

    def imported(self, item: Item, noun: str, key: str, notes: Notes) -> None:
        """Keeps a record that was imported, and counts it."""
        self.ledger.put(item, key)
        self._tally(item, noun, "imported")
        self.note(item, noun, notes)

    def note(self, item: Item, noun: str, notes: Notes) -> None:
        """Reports what was odd about a record."""
        for what, consequence in notes.found:
            self.odd(noun, where(item), what, consequence)

    def odd(self, noun: str, path: str, what: str, consequence: str) -> None:
        """Reports an oddity, once."""
        one = Odd(noun, path, what, consequence)
        if one not in self._said:
            self._said.add(one)
            self.report.odd.append(one)

    def _tally(self, item: Item, noun: str, outcome: str) -> None:
        """Counts a record; the lessons of a submission with it."""
        tallies = [(noun, 1)]
        if noun == "submissions":
            tallies.append(("lessons", len(item.record.get("lessons", []))))
        for counted, number in tallies:
            count = self.report.counts[counted]
            setattr(count, outcome, getattr(count, outcome) + number)

    def envelope(self, path: str) -> Json:
        """What surrounds the records of a file."""
        return self._envelopes[path]

    def context(self, item: Item, identity: str, owner: str = "") -> Context:
        """What the record does not say itself."""
        return Context(identity, owner, since(self.envelope(item.path)))


def since(envelope: Json) -> int:
    """When a file was begun, for records that do not say when they were made."""
    return (moment(envelope.get("created")) if isinstance(envelope, dict) else None) or 0


def where(item: Item) -> str:
    """How a record is named to people."""
    return f"{item.path} {clean(item.source_id)}".rstrip()
