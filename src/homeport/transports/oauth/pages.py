"""The pages that a person sees: plain HTML, no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Final

from homeport.coordination.tokens import Scope, Token
from homeport.coordination.values import iso
from homeport.transports.exchange import Header
from homeport.transports.oauth import names, redirects
from homeport.transports.oauth.asking import Asked

HTML: Final = b"text/html; charset=utf-8"
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}h1{font-size:1.4rem}input,button{font:inherit;padding:.5rem .8rem}"
    "input{width:100%;box-sizing:border-box;margin:.3rem 0 1rem}.wrong{color:#a40000}dt{font-weight:600}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_MAY: Final[dict[Scope, str]] = {
    "read": "read everything in this environment, messages too",
    "write": "read everything in this environment, and write: send messages, take and change tasks",
    "admin": "everything, including what only administrators may",
}


def headers(redirect_uri: str | None = None) -> list[Header]:
    """The headers of a page, with the one foreign address that its form may lead to in the end."""
    # Browsers hold form-action against the redirect that answers the form, too.
    forms = "'self'" if redirect_uri is None else f"'self' {redirects.origin(redirect_uri)}"
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {forms}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return [
        (b"content-security-policy", policy.encode()),
        (b"x-frame-options", b"DENY"),
        (b"x-content-type-options", b"nosniff"),
        # With "no-referrer" the form's own Origin would be "null", which is a foreign one.
        (b"referrer-policy", b"same-origin"),
        (b"cache-control", b"no-store"),
    ]


def nowhere(environment: str, sentence: str) -> bytes:
    """A request that is answered here and nowhere else."""
    return _page(f"Homeport {environment}", f"<h1>This does not work</h1><p>{escape(sentence)}</p>")


def signing_in(environment: str, asked: Asked, query: str, form: str, wrong: str | None) -> bytes:
    """Asks for a token."""
    complaint = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    wants = _MAY[asked.scope] if asked.scope else "all that your token may"
    text = f"""
{_head(environment, asked)}
<p>It asks to be allowed: {escape(wants)}. It gets no more than your token may, and loses it when the token ends.
You see what that is before you decide.</p>
{complaint}
{_form(query, {"step": "sign-in", "form": form})}
<label for="token">A Homeport token of {escape(environment)}</label>
<input id="token" name="token" type="password" autocomplete="off" spellcheck="false" required>
<button name="decision" value="go">Sign in</button>
<button name="decision" value="deny" formnovalidate>Cancel</button>
</form>
<p>The client does not get to see this token.</p>"""
    return _page(f"Sign in to {environment}", text)


def deciding(environment: str, asked: Asked, query: str, secret: str, token: Token, scope: Scope) -> bytes:
    """Asks whether the client may."""
    instance = f"{token.instance_id} alone" if token.instance_id else "any instance that it names"
    until = f", or expires at {iso(token.expires_at)}" if token.expires_at else ""
    text = f"""
{_head(environment, asked)}
<dl>
<dt>It will be able to</dt><dd>{escape(_MAY[scope])} (scope {escape(scope)})</dd>
<dt>It will speak as</dt><dd>{escape(instance)}</dd>
<dt>In the name of the token</dt><dd>{escape(token.name)} ({escape(token.id)})</dd>
<dt>Until</dt><dd>this token is revoked{escape(until)}, or the client has not called for 30 days</dd>
</dl>
{_form(query, {"step": "decide", "consent": secret})}
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Do not allow</button>
</form>"""
    return _page(f"Access to {environment}", text)


def _head(environment: str, asked: Asked) -> str:
    where = redirects.origin(asked.redirect_uri)
    return (
        f"<h1>Access to the environment <strong>{escape(environment)}</strong></h1>"
        f"<p>A client that calls itself <strong>{escape(asked.client.name)}</strong> asks for access. The answer goes "
        f"to <strong>{escape(where)}</strong>. Go on only if you have just connected it yourself.</p>"
    )


def _form(query: str, hidden: Mapping[str, str]) -> str:
    fields = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in hidden.items())
    return f'<form method="post" action="{names.AUTHORIZE}?{escape(query)}">{fields}'


def _page(title: str, body: str) -> bytes:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>{body}</body></html>'
    ).encode()
