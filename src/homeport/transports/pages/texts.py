"""Texts of others, made harmless and readable: markdown, times, words that were looked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape

from homeport.coordination.search import words_of
from homeport.coordination.values import ACTIVE_WINDOW
from homeport.errors import InvalidError

LONGEST_MARKDOWN: Final = 60_000
"""Characters; a longer text is shown as it is, since some of them take a parser very long."""
NO_PROJECT: Final = ":"
"""Stands in a path where there is no project."""
_TAGS: Final = frozenset(
    [
        "a",
        "p",
        "br",
        "hr",
        "em",
        "strong",
        "del",
        "s",
        "code",
        "pre",
        "blockquote",
        "ul",
        "ol",
        "li",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "span",
    ]
)
_ATTRIBUTES: Final = {"a": {"href", "title"}, "span": {"class"}, "ol": {"start"}, "code": {"class"}}
_MARKS: Final = re.compile(r"\*\*|__|`|^#{1,6} |(?<= )#{2,6} ")
_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_LEASE: Final = Markup(
    '<span class="lease"><svg class="lease-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"'
    ' focusable="false"><rect class="lease-rest" width="100" height="4"/><rect class="lease-left" width="{}"'
    ' height="4"/></svg><time datetime="{}" title="{}" data-until>{}</time></span>'
)
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def _link_close(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """The end of a link, and where it leads if its text does not say so."""
    depth, start = 0, index
    while start > 0:
        start -= 1
        depth += (tokens[start].type == "link_close") - (tokens[start].type == "link_open")
        if depth < 0:
            break
    target = str(tokens[start].attrs.get("href", ""))
    text = "".join(one.content for one in tokens[start + 1 : index])
    host = _host(target)
    shown = f'<span class="host">{escape(host)}</span>' if host and host not in text.lower() else ""
    return f"{shown}{renderer.renderToken(tokens, index, options, env)}"


def _host(target: str) -> str:
    try:
        return urlsplit(target).hostname or ""
    except ValueError:
        return "?"


def _image(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """A picture would be asked for elsewhere, which tells somebody who reads this: it is a link."""
    del renderer, options, env
    token = tokens[index]
    target = str(token.attrs.get("src", ""))
    text = token.content or "picture"
    return f'<a href="{escape(target)}">{escape(text)}<span class="host">{escape(_host(target))}</span></a>'


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20})
    parser.enable(["table", "strikethrough"])
    parser.add_render_rule("link_close", _link_close)
    parser.add_render_rule("image", _image)
    return parser


_PARSER: Final = _parser()


def markdown(text: object) -> Markup:
    """A text that somebody wrote, as part of a page: formatted, and with nothing in it that acts."""
    if not isinstance(text, str):
        return plain(str(text))
    if len(text) > LONGEST_MARKDOWN:
        return plain(text)
    try:
        made = _PARSER.render(text)
    except (RecursionError, ValueError):
        return plain(text)
    clean = nh3.clean(
        made,
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes=set(_SCHEMES),
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(clean)  # noqa: S704 - cleaned just now


def glance(text: object) -> str:
    """The beginning of a text as a list shows it: without the marks of its formatting."""
    return _MARKS.sub("", str(text)).strip()


def shortened(text: object, length: int) -> str:
    """The beginning of a text where there is no room for more."""
    line = " ".join(str(text).split())
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"


def plain(text: str) -> Markup:
    """A text as it is, with its lines."""
    return Markup('<pre class="plain">{}</pre>').format(text)


def segment(text: object) -> str:
    """A text as one segment of a path."""
    return quote(str(text), safe="")


def task_path(project: str | None, task: str) -> str:
    """Where a task's page is; a colon, which no id has, stands for no project."""
    return f"/tasks/{segment(project) if project else NO_PROJECT}/{segment(task)}"


def highlighted(text: str, query: str) -> Markup:
    """A text in which the words that were looked for are marked."""
    try:
        words = words_of(query)
    except InvalidError:
        return escape(text)
    pattern = re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)), re.IGNORECASE)
    parts: list[Markup] = []
    at = 0
    for found in pattern.finditer(text):
        parts += [escape(text[at : found.start()]), Markup("<mark>{}</mark>").format(found[0])]
        at = found.end()
    return Markup("").join([*parts, escape(text[at:])])


def when(at: str | None, now: float) -> Markup:
    """A time, as people say it; the browser says it anew as it passes."""
    if not at:
        return Markup("")
    moment = datetime.fromisoformat(at)
    exact = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    said = ago(now - moment.timestamp())
    return Markup('<time datetime="{}" title="{}" data-when>{}</time>').format(at, exact, said or exact[:10])


def until(at: str, now: float) -> Markup:
    """How long a lease lasts yet, with a bar of what is left; the browser counts it down."""
    moment = datetime.fromisoformat(at)
    left = moment.timestamp() - now
    said = f"{span(left)} left" if left > 0 else "ended"
    exact = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    share = max(0, min(100, round(100_000 * left / ACTIVE_WINDOW)))
    return _LEASE.format(share, at, exact, said)


def ago(seconds: float) -> str:
    """How long ago, in two words; empty for what is longer ago than people count in days."""
    if seconds < -_MINUTE:
        return f"in {span(-seconds)}"
    if seconds < _MINUTE:
        return "just now"
    return "" if seconds >= 14 * _DAY else f"{span(seconds)} ago"


def span(seconds: float) -> str:
    """A length of time."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds)} s"


def duration(seconds: float) -> str:
    """A short time, as charts say it."""
    if seconds < 1:
        return f"{seconds * 1000:g} ms"
    return f"{seconds:.3g} s" if seconds < _MINUTE else span(seconds)


def size(number: float) -> str:
    """Bytes, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}".replace(",", " ")


def listed(names: Iterable[Any]) -> str:
    """Names with commas, the last with "and"."""
    *rest, last = [str(name) for name in names] or [""]
    return f"{', '.join(rest)} and {last}" if rest else last
