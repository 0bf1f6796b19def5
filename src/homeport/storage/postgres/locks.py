"""The advisory locks of a database, and the channel on which its servers tell each other that there is something new.

They are numbers that all of Homeport's versions must agree on.
"""

from __future__ import annotations

from typing import Final

WRITING: Final = 4_870_001
"""Held by the transaction that writes."""
OPENING: Final = 4_870_002
"""Held by whoever makes or migrates the schema."""
SERVING: Final = 4_870_003
"""Shared by the connections on which servers write; a server makes its own for its first write, or the first proof."""
ERRANDS: Final = 4_870_004
"""Held by the one server that calls webhooks and keeps the records in order."""
MIGRATING: Final = 4_870_005
"""Held by a transaction that migrates, besides :data:`WRITING`: by this it is told from a database that hangs."""
CHANNEL: Final = "homeport"
"""Rung when there are new events."""
WIRE: Final = "homeport_wire"
"""Rung, with the number of a row, when a server tells the others something."""
