"""The declaration: what it says, what is wrong with it, all at once."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from homeport.environments.declaration import Declaration, Ports, parse_declaration
from homeport.environments.faults import DeclarationError
from homeport.errors import UsageError

FILE = PurePosixPath("/srv/team/homeport.toml")


def read(text: str, **ports: Ports) -> Declaration:
    return parse_declaration(text, FILE, ports)


def faults_of(text: str) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        read(text)
    return [str(fault) for fault in caught.value.faults]


def test_three_empty_tables_are_the_table_of_the_proposal() -> None:
    declaration = read("[environments.production]\n[environments.development]\n[environments.local]\n")
    found = [
        (one.name, one.http_port, one.sse_port, one.protected, one.listen) for one in declaration.environments.values()
    ]
    assert found == [
        ("production", 3444, 3445, True, "127.0.0.1"),
        ("development", 3446, 3447, False, "127.0.0.1"),
        ("local", 3448, 3449, False, "127.0.0.1"),
    ]


def test_paths_begin_at_the_directory_of_the_file() -> None:
    production = read("[environments.production]\n").environment("production")
    assert production.data_directory == PurePosixPath("/srv/team/production/data")
    assert production.backups_directory == PurePosixPath("/srv/team/production-backups")
    assert production.logs_directory == PurePosixPath("/srv/team/production/logs")
    assert production.journal_directory == PurePosixPath("/srv/team/production/journal")


@pytest.mark.parametrize(
    ("root", "data"),
    [("/mnt/disk", "/mnt/disk/a/data"), ("sub/./x", "/srv/team/sub/x/a/data"), ("..", "/srv/a/data")],
)
def test_root_moves_every_relative_path(root: str, data: str) -> None:
    declaration = read(f'root = "{root}"\n[environments.a]\nhttp_port = 4000\nsse_port = 4001\n')
    assert str(declaration.environment("a").data_directory) == data


def test_a_checkout_elsewhere_takes_the_data_with_it() -> None:
    development = read('[environments.development]\ndirectory = "checkout"\n').environment("development")
    assert development.data_directory == PurePosixPath("/srv/team/checkout/data")
    assert development.backups_directory == PurePosixPath("/srv/team/development-backups")


def test_sse_can_be_switched_off() -> None:
    production = read('[environments.production]\nprotocols = ["http"]\n').environment("production")
    assert production.sse_port is None
    assert production.sse_url is None
    assert production.mcp_url == "http://127.0.0.1:3444/mcp"


def test_streamable_http_can_be_switched_off_and_health_stays() -> None:
    production = read('[environments.production]\nprotocols = ["sse"]\n').environment("production")
    assert production.mcp_url is None
    assert production.health_url == "http://127.0.0.1:3444/health"
    assert production.connect_command[4:7] == ["sse", "homeport", "http://127.0.0.1:3445/sse"]


def test_all_faults_are_told_at_once_each_with_its_path() -> None:
    inner = "/srv/team/production/data/inner"
    assert faults_of(
        """
        [environments.production]
        http_port = 3446
        htp_port = 1
        protected = "yes"
        protocols = ["http", "ftp"]
        [environments.development]
        data = "production/data/inner"
        unit = "homeport-production"
        [environments.staging]
        http_port = "4000"
        """
    ) == [
        'environments.production.protected: "yes" is not true or false',
        'environments.production.protocols[1]: "ftp" is not "http" or "sse"',
        'environments.production.htp_port: is not a setting; did you mean "http_port"?',
        'environments.staging.http_port: "4000" is not a whole number',
        "environments.staging.sse_port: is missing; only production, development, local have ports of their own",
        "environments.production.http_port: 3446 is development's",
        "environments.development.unit: homeport-production is production's",
        f"environments.development.data: {inner} lies in production's data (/srv/team/production/data)",
    ]


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("http_port = 0", "http_port: 0 is not a port; ports go from 1024 to 65535"),
        ("http_port = 65536", "http_port: 65536 is not a port; ports go from 1024 to 65535"),
        ("sse_port = -1", "sse_port: -1 is not a port; ports go from 1024 to 65535"),
        ("http_port = 80", "http_port: 80 is privileged; take one from 1024 up, a reverse proxy has the low ones"),
        ("http_port = true", "http_port: true is not a whole number"),
        ("http_port = 3444.0", "http_port: 3444.0 is not a whole number"),
        ("http_port = 3445", "sse_port: 3445 is its http_port too"),
        ('listen = "example.org"', 'listen: "example.org" is not an IP address'),
        ("protocols = []", "protocols: is empty, so that no client could connect"),
        ('protocols = "http"', 'protocols: "http" is not a list in square brackets'),
        ('data = "~/data"', 'data: "~/data" would be a directory called ~: write the whole path'),
        ('data = ""', "data: a path is one or more printable characters"),
        (r'data = "a\nb"', "data: a path is one or more printable characters"),
        ("data = 1", "data: 1 is not a text in quotes"),
        ('data = "production"', "data: /srv/team/production contains its own releases (/srv/team/production/releases)"),
        ('data = "production/logs"', "data: /srv/team/production/logs is its own logs"),
        (
            'backups = "production/data/kept"',
            "backups: /srv/team/production/data/kept lies in its own data (/srv/team/production/data)",
        ),
        (
            'unit = "x.service"',
            'unit: "x.service" is not a unit name: small letters, digits and dashes, without .service',
        ),
        ('allowed_hosts = ["*"]', 'allowed_hosts[0]: "*" is not a host name; give it without scheme, port or wildcard'),
        (
            'allowed_origins = ["example.org"]',
            'allowed_origins[0]: "example.org" is not an origin such as "https://coordination.example.org"',
        ),
        ('oauth_host = "localhost"', 'oauth_host: "localhost" is not a public host name such as "agents.example.org"'),
        ('oauth_host = "10.0.0.1"', 'oauth_host: "10.0.0.1" is not a public host name such as "agents.example.org"'),
        (
            'oauth_host = "A.example"\nallowed_hosts = ["a.example"]',
            "oauth_host: stands in allowed_hosts too; clients with tokens would lose them there, take another name",
        ),
        (
            'oauth_host = "a.example"\nauth = "open"',
            'oauth_host: would open the environment to the network; say auth = "tokens"',
        ),
        ('auth = "password"', 'auth: "password" is not "tokens" or "open"'),
        ("rate_limit = -1", "rate_limit: -1 is not a number of requests; 0 is no limit"),
        ('log_format = "xml"', 'log_format: "xml" is not "json" or "text"'),
        ("htttp_port = 1", 'htttp_port: is not a setting; did you mean "http_port"?'),
        ("zzz = 1", "zzz: is not a setting"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(table: str, fault: str) -> None:
    assert faults_of(f"[environments.production]\n{table}\n") == [f"environments.production.{fault}"]


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.4", "::", "8.8.8.8"])  # noqa: S104 - refused
def test_an_environment_that_asks_nobody_who_they_are_is_not_opened_to_the_network(address: str) -> None:
    (fault,) = faults_of(f'[environments.development]\nauth = "open"\nlisten = "{address}"\n')
    assert fault.startswith(
        f"environments.development.listen: {address} would open an environment without authentication to the network"
    )


@pytest.mark.parametrize("name", ["production", "development"])
def test_an_environment_that_asks_for_tokens_may_listen_on_the_network(name: str) -> None:
    environment = read(f'[environments.{name}]\nlisten = "192.168.1.4"\n').environment(name)
    assert (environment.auth, environment.listen) == ("tokens", "192.168.1.4")


@pytest.mark.parametrize(
    ("table", "auth", "limit"),
    [
        ("[environments.production]", "tokens", 6000),
        ("[environments.development]", "open", 0),
        ("[environments.local]", "open", 0),
        ("[environments.team]\nhttp_port = 5000\nsse_port = 5001", "tokens", 6000),
        ('[environments.production]\nauth = "open"', "open", 0),
        ('[environments.development]\nauth = "tokens"\nrate_limit = 60', "tokens", 60),
        ("[environments.development]\nrate_limit = 60", "open", 60),
        ('[environments.development]\nallowed_hosts = ["dev.example.org"]', "tokens", 6000),
        ('[environments.development]\noauth_host = "dev.example.org"', "tokens", 6000),
        ("[environments.production]\nrate_limit = 0", "tokens", 0),
    ],
)
def test_only_what_this_machine_alone_reaches_and_what_is_no_ones_record_is_open(
    table: str, auth: str, limit: int
) -> None:
    (environment,) = read(table + "\n").environments.values()
    assert (environment.auth, environment.rate_limit) == (auth, limit)
    settings = environment.serve_settings("0")
    assert (settings.auth, settings.rate_limit) == (auth, limit)


def test_how_to_connect_says_where_the_token_goes_and_has_none() -> None:
    declaration = read("[environments.production]\n[environments.development]\n")
    production, development = (declaration.environment(name) for name in ("production", "development"))
    line = "claude mcp add --transport http homeport http://127.0.0.1:3444/mcp"
    assert production.connect_line == f'{line} --header "Authorization: Bearer $HOMEPORT_TOKEN"'
    assert development.connect_line.endswith("homeport-development http://127.0.0.1:3446/mcp")


@pytest.mark.parametrize(("listen", "url"), [("0.0.0.0", "http://127.0.0.1:3444"), ("::", "http://[::1]:3444")])  # noqa: S104 - with tokens
def test_the_address_of_all_addresses_is_shown_as_one_that_can_be_called(listen: str, url: str) -> None:
    assert read(f'[environments.production]\nlisten = "{listen}"\n').environment("production").http_url == url


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("localhost", "http://127.0.0.1:3446"),
        ("127.0.0.5", "http://127.0.0.5:3446"),
        ("::1", "http://[::1]:3446"),
    ],
)
def test_any_loopback_address_may_be_listened_on(address: str, url: str) -> None:
    assert read(f'[environments.development]\nlisten = "{address}"\n').environment("development").http_url == url


@pytest.mark.parametrize("name", ["Production", "a b", "../x", "-a", "a-", "a--b", "1a", "a_b", "a" * 41, ""])
def test_a_name_that_is_not_safe_everywhere_is_refused(name: str) -> None:
    (fault,) = faults_of(f'[environments."{name}"]\n')
    assert "is not a name for an environment" in fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "environments: declares none; [environments.production] alone is enough"),
        ("environments = 1", "environments: must be tables: [environments.production], for example"),
        ("environments.production = 1", "environments.production: must be a table: [environments.production]"),
        ("rot = '.'\n[environments.local]", 'rot: is not a setting; did you mean "root"?'),
        ("[local]\n[environments.production]", 'local: is not a setting; did you mean "environments.local"?'),
        ("http_port = 1\n[environments.local]", "http_port: belongs into the table of an environment"),
        ("root = 1\n[environments.local]", "root: 1 is not a text in quotes"),
        ("root = '~'\n[environments.local]", 'root: "~" would be a directory called ~: write the whole path'),
    ],
)
def test_the_outer_shape_is_judged_too(text: str, fault: str) -> None:
    assert faults_of(text) == [fault]


def test_broken_toml_is_told_with_line_and_column() -> None:
    (fault,) = faults_of("[environments.production]\nhttp_port = = 1\n")
    assert "line 2, column 13" in fault


def test_the_one_who_declared_it_is_to_blame_and_not_the_default() -> None:
    text = "[environments.{}]\nhttp_port = {}\n[environments.{}]\n"
    assert faults_of(text.format("production", 3446, "development")) == [
        "environments.production.http_port: 3446 is development's"
    ]
    assert faults_of(text.format("development", 3445, "production")) == [
        "environments.development.http_port: 3445 is production's sse_port"
    ]


def test_of_two_who_declared_it_the_later_is_to_blame() -> None:
    assert faults_of("[environments.local]\nhttp_port = 5000\n[environments.production]\nhttp_port = 5000\n") == [
        "environments.production.http_port: 5000 is local's"
    ]


def test_a_port_that_is_switched_off_is_free_for_others() -> None:
    declaration = read('[environments.production]\nprotocols = ["http"]\n[environments.local]\nhttp_port = 3445\n')
    assert declaration.environment("local").http_port == 3445


def test_backups_never_lie_in_another_environments_data() -> None:
    assert faults_of('[environments.production]\nbackups = "local/data/b"\n[environments.local]\n') == [
        "environments.production.backups: /srv/team/local/data/b lies in local's directory (/srv/team/local)",
        "environments.production.backups: /srv/team/local/data/b lies in local's data (/srv/team/local/data)",
    ]


def test_the_port_of_the_command_line_takes_the_declared_ones_place() -> None:
    declaration = read("[environments.production]\nhttp_port = 80\n", production=Ports(5000, 5001))
    assert declaration.environment("production").ports == {"http_port": 5000, "sse_port": 5001}


def test_the_port_of_the_command_line_is_judged_by_the_same_rules() -> None:
    with pytest.raises(DeclarationError, match="3446 is development's"):
        read("[environments.production]\n[environments.development]\n", production=Ports(3446))


def test_a_port_for_an_environment_that_is_not_declared_is_refused() -> None:
    with pytest.raises(UsageError, match=r'for "prod", which .* does not declare; did you mean "production"'):
        read("[environments.production]\n", prod=Ports(5000))


def test_an_unknown_environment_is_answered_with_the_declared_ones() -> None:
    with pytest.raises(UsageError) as caught:
        read("[environments.production]\n[environments.local]\n").environment("produktion")
    assert 'did you mean "production"' in caught.value.sentence
    assert caught.value.hint == "It declares production, local."


def test_a_single_fault_is_the_whole_sentence_and_several_are_counted() -> None:
    with pytest.raises(DeclarationError) as one:
        read("[environments.local]\nhttp_port = 1\n")
    assert one.value.sentence.startswith("/srv/team/homeport.toml: environments.local.http_port: 1 is privileged")
    with pytest.raises(DeclarationError) as two:
        read("[environments.local]\nhttp_port = 1\nsse_port = 2\n")
    assert two.value.sentence == "/srv/team/homeport.toml has 2 faults:"
    assert two.value.as_json()["code"] == "declaration"


def test_the_server_half_is_told_everything_as_one_plain_value() -> None:
    settings = (
        read('[environments.local]\nallowed_hosts = ["Team.example"]\n').environment("local").serve_settings("1.2")
    )
    assert settings.environment == "local"
    assert settings.data_directory == "/srv/team/local/data"
    assert (settings.http_port, settings.sse_port) == (3448, 3449)
    assert settings.allowed_hosts == ("team.example",)
    assert settings.version == "1.2"
    assert settings.log_format == "json"


@pytest.mark.parametrize(
    ("setting", "path", "wrong"),
    [
        ("keep_last = -1", ".keep_last", "is not a number of backups"),
        ("keep_minimum = 0", ".keep_minimum", "would let the last good backup go"),
        ('places = ["backups"]', ".places[0]", "is no place"),
        ('places = ["ftp://host/x"]', ".places[0]", "is no place"),
        ('places = ["sftp://me:secret@host/x"]', ".places[0]", "holds a password"),
        ('recipients = ["age2qqq"]', ".recipients[0]", "is no age public key"),
        ('recipients = ["AGE-SECRET-KEY-1XYZZY"]', ".recipients[0]", "does not belong here"),
        ("keep_lst = 3", ".keep_lst", 'did you mean "keep_last"?'),
        ("shrink_percent = 101", ".shrink_percent", "is not a percentage"),
        ('heartbeat = "ftp://x"', ".heartbeat", "is not a URL"),
        ('identity = "key.txt"', ".identity", "is not the absolute path"),
    ],
)
def test_a_fault_of_the_backup_table_is_named_with_its_path(setting: str, path: str, wrong: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_declaration(f"[environments.production.backup]\n{setting}\n", PurePosixPath("/srv/homeport.toml"))
    (fault,) = caught.value.faults
    assert fault.path == f"environments.production.backup{path}"
    assert wrong in fault.text
    assert "me:secret" not in fault.text
    assert "XYZZY" not in fault.text


def test_a_backup_table_that_is_none_is_told_apart() -> None:
    with pytest.raises(DeclarationError, match=r"environments.production.backup: 3 is not a table"):
        parse_declaration("[environments.production]\nbackup = 3\n", PurePosixPath("/srv/homeport.toml"))


def test_backups_are_kept_as_declared() -> None:
    places = '["/mnt/b", "s3://b/p", "sftp://u@h:22/p", "rclone:r:p"]'
    text = f"[environments.production.backup]\nkeep_last = 5\nplaces = {places}\n"
    policy = parse_declaration(text, PurePosixPath("/srv/homeport.toml")).environment("production").backup
    assert policy.retention.last == 5
    assert len(policy.places) == 4
