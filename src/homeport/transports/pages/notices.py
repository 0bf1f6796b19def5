"""What a page says after something was done: fixed sentences, named in the address, so that nobody words their own."""

from __future__ import annotations

from typing import Final

NOTICES: Final = {
    "archived": "Archived. It stays in your archive.",
    "changed": "Saved.",
    "created": "Created.",
    "left": "You are signed out here.",
    "left-everywhere": "You are signed out everywhere.",
    "named": "That is your name here from now on.",
    "read": "Marked as read.",
    "removed": "Removed.",
    "revoked": "Revoked. Whoever used it is turned away from now on.",
    "sent": "Sent.",
    "waiting": "Sent. Nobody answers to one of the names yet; it waits for them.",
    "welcome": "You are signed in.",
}
