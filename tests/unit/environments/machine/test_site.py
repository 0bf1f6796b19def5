"""The one line in a person's own file."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.environments.machine.site import (
    SiteFile,
    find_block,
    has_root_location,
    with_include,
    without_include,
)
from homeport.errors import GuardError, UsageError
from homeport.host.machine.nginx import read_site

INCLUDE = "include /etc/nginx/homeport/agents.example.org/*.conf;"
TWO = """\
# a person's own
server {
    listen 80;
    server_name agents.example.org;
    return 301 https://$host$request_uri;
}

server {
\tlisten 443 ssl;
\tserver_name agents.example.org www.example.org;
\tlocation / { root /var/www; }  # theirs
}
"""


def site(text: str, tmp_path: Path) -> SiteFile:
    file = tmp_path / "site.conf"
    file.write_bytes(text.encode())
    found = read_site(file)
    assert found is not None
    return found


def test_the_line_goes_into_the_block_that_has_the_name_and_tls(tmp_path: Path) -> None:
    found = site(TWO, tmp_path)
    block = find_block(found, "agents.example.org", INCLUDE)
    assert block.line == 8
    text = with_include(found, block, INCLUDE)
    assert text.splitlines()[8] == f"    {INCLUDE}"
    assert [line for line in text.splitlines() if INCLUDE not in line] == TWO.splitlines()
    assert has_root_location(found.blocks, "www.example.org", INCLUDE)


def test_a_second_time_changes_nothing_and_taking_it_out_gives_the_old_text(tmp_path: Path) -> None:
    found = site(TWO, tmp_path)
    text = with_include(found, find_block(found, "agents.example.org", INCLUDE), INCLUDE)
    again = site(text, tmp_path)
    assert with_include(again, find_block(again, "agents.example.org", INCLUDE), INCLUDE) == text
    assert without_include(text, INCLUDE) == TWO


def test_the_line_counts_in_whichever_block_a_person_put_it(tmp_path: Path) -> None:
    text = TWO.replace("    listen 80;", f"    listen 80;\n    {INCLUDE}")
    found = site(text, tmp_path)
    assert find_block(found, "agents.example.org", INCLUDE).line == 2


def test_a_block_with_the_brace_on_the_next_line_is_understood(tmp_path: Path) -> None:
    found = site("server\n{\n    listen 80;\n}\n", tmp_path)
    text = with_include(found, find_block(found, "anything.example.org", INCLUDE), INCLUDE)
    assert text == f"server\n{{\n    {INCLUDE}\n    listen 80;\n}}\n"


def test_line_ends_of_the_other_kind_stay(tmp_path: Path) -> None:
    found = site("server {\r\n    listen 80;\r\n}\r\n", tmp_path)
    text = with_include(found, find_block(found, "x.example.org", INCLUDE), INCLUDE)
    assert text == f"server {{\r\n    {INCLUDE}\r\n    listen 80;\r\n}}\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "server { listen 80; }\nserver { listen 81; }\n",
        "server {\n listen 443 ssl;\n server_name x.example.org;\n}\n" * 2,
    ],
)
def test_where_the_block_cannot_be_told_the_person_is_asked_to_write_the_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(GuardError) as refused:
        find_block(site(text, tmp_path), "x.example.org", INCLUDE)
    assert INCLUDE in refused.value.hint


def test_a_block_on_one_line_is_not_cut_open(tmp_path: Path) -> None:
    found = site("server { listen 80; }\n", tmp_path)
    with pytest.raises(GuardError, match="brace"):
        with_include(found, found.blocks[0], INCLUDE)


def test_a_file_that_nginx_would_not_understand_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"site\.conf"):
        site("server {\n    listen 80;\n", tmp_path)


def test_blocks_in_a_whole_configuration_are_found(tmp_path: Path) -> None:
    found = site("events {}\nhttp {\n    server {\n        listen 80;\n    }\n}\n", tmp_path)
    assert [block.line for block in found.blocks] == [3]
