"""The ready-made files: they parse, fit the program, and their very lines run."""

from __future__ import annotations

import asyncio
import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path
from signal import SIGTERM
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import yaml
from click.testing import CliRunner
from platformdirs import user_data_path

from sync.cli.app import app
from sync.config import APP, Settings, load_settings
from sync.daemon.metrics import registry
from sync.daemon.schedule import Due
from sync.daemon.server import served
from sync.daemon.turn import Ending
from sync.events import Spent
from sync.fleet.open import key_place
from sync.runtime.values import Address
from tests.daemon_suite.processes import environment, lines, place_of
from tests.daemon_suite.promql import MatchError, World, evaluate
from tests.daemon_suite.stages import Stage
from tests.daemon_suite.told import turn
from tests.dashboards import check_places, read_panels
from tests.login_suite.programs import program

if TYPE_CHECKING:
    from sync.daemon.state import Watched
    from tests.daemon_suite.promql import Vector
    from tests.login_suite.programs import Program

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
STATE = "/var/lib/trakt2discovr"
INSTALLED = "/opt/trakt2discovr/bin/trakt2discovr"
CONFIG = "/etc/trakt2discovr/config.toml"


def unit(name: str) -> configparser.SectionProxy:
    """Return the [Service] section of a unit; of repeated keys the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as documented
    parser.read(DEPLOY / "systemd" / name)
    return parser["Service"]


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, those of its last stage."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    whole = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    pairs = [line.split(maxsplit=1) for line in whole.splitlines() if line]
    last = max(i for i, (name, _) in enumerate(pairs) if name == "FROM")
    return [(name, rest) for name, rest in pairs[last:]]


def instruction(name: str) -> str:
    (found,) = (rest for given, rest in instructions() if given == name)
    return found


def compose() -> dict[str, Any]:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def cron_line() -> str:
    text = (DEPLOY / "crontab").read_text(encoding="utf-8")
    (line,) = (line for line in text.splitlines() if line and line[0] != "#")
    return line


def healthcheck() -> list[str]:
    _, command = instruction("HEALTHCHECK").split("CMD ")
    words: list[str] = json.loads(command)
    return words


def command_lines() -> dict[str, list[str]]:
    """Return what each file runs, as arguments of the program."""
    service = service_words("trakt2discovr.service")
    once = service_words("trakt2discovr-sync.service")
    _, _, line = cron_line().partition(f"{INSTALLED} ")
    assert json.loads(instruction("ENTRYPOINT")) == ["trakt2discovr"]
    (container,) = compose()["services"].values()
    return {
        "service": service,
        "timer": once,
        "crontab": shlex.split(line.removesuffix(" >/dev/null")),
        "Dockerfile": json.loads(instruction("CMD")),
        "compose": container["command"],
    }


def service_words(name: str) -> list[str]:
    first, *words = shlex.split(unit(name)["ExecStart"])
    assert first == INSTALLED
    return words


LINES = command_lines()


@pytest.mark.parametrize("words", LINES.values(), ids=LINES)
def test_every_command_and_option_exists(words: list[str]) -> None:
    # Options are checked before --help is heeded.
    assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0
    rest = words[words.index("sync") + 1 :]
    given = app.commands["sync"].make_context("sync", rest).params
    assert (given["every"] is None) == given["once"] == given["yes"]


@pytest.mark.parametrize("words", LINES.values(), ids=LINES)
async def test_the_very_line_runs(words: list[str], tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("", encoding="utf-8")
    here = [str(config) if word == CONFIG else word for word in words]
    here = ["127.0.0.1:0" if word.endswith(":9464") else word for word in here]
    async with place_of(tmp_path) as place:
        async with program(*here, env=environment(place)) as job:
            if "--every" in here:
                await job.shows("The next run is at")
                job.kill(SIGTERM)
            assert await job.ends() == (143 if "--every" in here else 0)
        assert place.writes() > 5
    if "json" in here:
        assert all(line["event"] for line in lines(job.screen))
    if "-q" in here:
        assert job.screen == ""


@pytest.mark.parametrize("is_well", [True, False])
async def test_the_health_check_of_the_image_tells_well_from_unwell(
    tmp_path: Path, *, is_well: bool
) -> None:
    async with place_of(tmp_path) as place:
        profile = {} if is_well else {"TRAKT2DISCOVR_DISCOVR__PROFILE": "Nobody"}
        args = ("sync", "--every", "6h", "--listen", "0")
        async with program(*args, env=environment(place, **profile)) as job:
            await job.shows("The next run is at")
            check = [word.replace("9464", port_of(job)) for word in healthcheck()]
            assert check[0] == "python"
            checking = await asyncio.create_subprocess_exec(
                sys.executable, *check[1:], env={**os.environ, "http_proxy": "x"}
            )
            assert (await checking.wait() == 0) == is_well


def port_of(job: Program) -> str:
    found = re.search(r"http://127\.0\.0\.1:(\d+)", job.screen)
    assert found
    return found[1]


def test_what_listens_is_what_is_checked() -> None:
    assert "127.0.0.1" in healthcheck()[-1]
    for name in ("Dockerfile", "compose"):
        address = LINES[name][LINES[name].index("--listen") + 1]
        # A scraper in the next container asks from outside, the health check from here.
        assert address == "0.0.0.0:9464"
    assert LINES["Dockerfile"] == LINES["compose"]
    assert "9464" in healthcheck()[-1]
    assert instruction("EXPOSE") == "9464"


def test_what_is_scraped_is_what_listens() -> None:
    text = (DEPLOY / "prometheus" / "scrape.yaml").read_text(encoding="utf-8")
    job, fleet = yaml.safe_load(text)["scrape_configs"]
    ((name, _),) = compose()["services"].items()
    port = instruction("EXPOSE")
    assert job["static_configs"] == [{"targets": [f"{name}:{port}"]}]
    (found,) = fleet["dns_sd_configs"]
    assert found == {"names": ["worker"], "type": "A", "port": int(port or 0)}


async def test_a_scraper_in_the_next_container_gets_an_answer() -> None:
    ((name, container),) = compose()["services"].items()
    settings = load_settings(None, container["environment"])
    listening = Address("127.0.0.1", 0)
    async with (
        served(Stage([]).job, listening, settings.sync.hosts) as used,
        aiohttp.ClientSession(headers={"Host": f"{name}:9464"}) as session,
    ):
        for path in ("/healthz", "/metrics"):
            async with session.get(used.url + path) as answer:
                assert answer.status == 200


def test_the_first_start_of_the_image_writes_nothing_and_says_what_to_do(
    tmp_path: Path,
) -> None:
    assignments = shlex.split(instruction("ENV"))
    given = dict(assignment.split("=", 1) for assignment in assignments)
    env = {
        **{key: value for key, value in given.items() if "SYNC__" in key},
        # Whoever asked a service would find nobody there.
        "TRAKT2DISCOVR_TRAKT__CLIENT_ID": "x",
        "TRAKT2DISCOVR_TRAKT__API_URL": "http://127.0.0.1:1",
        "TRAKT2DISCOVR_STATE__URL": f"sqlite:///{tmp_path}/state.sqlite3",
    }
    result = CliRunner().invoke(app, ["sync", "--once", "--yes"], env=env)
    assert result.exit_code == 2
    assert "Nothing was carried over to this profile yet" in result.stderr
    assert "trakt2discovr migrate" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_has_no_complaint(path: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd-analyze is not installed")
    # The program is not installed where the units say, and that is all that is changed.
    for each in UNITS:
        text = each.read_text(encoding="utf-8").replace(INSTALLED, sys.executable)
        (tmp_path / each.name).write_text(text, encoding="utf-8")
    found = subprocess.run(  # noqa: S603  # a fixed program
        [analyze, "verify", "--man=no", str(tmp_path / path.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert path.name not in found.stderr


SERVICES = (
    "trakt2discovr.service",
    "trakt2discovr-sync.service",
    "trakt2discovr-worker@.service",
)


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_are_hardened(name: str) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd-analyze is not installed")
    path = DEPLOY / "systemd" / name
    command = [analyze, "security", "--offline=true", "--threshold=20", str(path)]
    found = subprocess.run(  # noqa: S603  # a fixed program
        command, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_keep_their_state_where_they_may_write(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = unit(name)
    for assignment in shlex.split(service["Environment"]):
        key, _, value = assignment.partition("=")
        monkeypatch.setenv(key, value)
    assert user_data_path(APP) == Path(STATE)
    settings = Settings()
    assert settings.state.url == f"sqlite:///{STATE}/state.sqlite3"
    assert settings.state.tokens == Path(STATE) / "tokens.json"
    assert f"/var/lib/{service['StateDirectory']}" == STATE
    assert service["ProtectSystem"] == "strict"
    assert service["User"] == "trakt2discovr"


def test_no_service_starts_before_a_server_that_holds_the_state() -> None:
    for name in (path.name for path in UNITS if path.suffix == ".service"):
        text = (DEPLOY / "systemd" / name).read_text(encoding="utf-8")
        assert "After=network-online.target postgresql.service\n" in text
        assert not re.search(r"^(Wants|Requires)=.*postgresql", text, re.MULTILINE)


def test_every_service_takes_secrets_from_a_file_that_need_not_be_there() -> None:
    for name in (path.name for path in UNITS if path.suffix == ".service"):
        assert unit(name)["EnvironmentFile"] == "-/etc/trakt2discovr/env"


def test_the_service_knows_how_the_program_ends_and_reloads() -> None:
    service = unit("trakt2discovr.service")
    assert service["Type"] == "notify"
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert set(service["SuccessExitStatus"].split()) == {"130", "143"}
    assert service["RestartPreventExitStatus"] == "2"
    timer = configparser.ConfigParser(interpolation=None)
    timer.read(DEPLOY / "systemd" / "trakt2discovr-sync.timer")
    assert timer["Timer"]["Persistent"] == "yes"
    assert (DEPLOY / "systemd" / "trakt2discovr-sync.service").exists()


def test_the_lines_of_workers_exist() -> None:
    text = (DEPLOY / "compose-fleet.yaml").read_text(encoding="utf-8")
    container = yaml.safe_load(text)["services"]["worker"]
    for words in (service_words("trakt2discovr-worker@.service"), container["command"]):
        assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0
    # What is set there is what the program knows.
    settings = load_settings(None, container["environment"])
    assert settings.fleet.url
    assert settings.fleet.key_file == Path("/data/fleet.key")


def test_a_command_finds_the_key_that_the_workers_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A credential is a copy of when the worker started, and no shell has it.
    service = unit("trakt2discovr-worker@.service")
    assert "LoadCredential" not in service
    values = dict(word.split("=", 1) for word in service["Environment"].split())
    monkeypatch.setenv("XDG_DATA_HOME", values["XDG_DATA_HOME"])
    place = key_place(Settings())
    assert place == Path("/var/lib") / service["StateDirectory"] / "fleet.key"
    pages = (DEPLOY / "README.md", ROOT / "docs" / "how-to" / "many-profiles.md")
    for page in pages:
        assert f"XDG_DATA_HOME={place.parents[1]} " in page.read_text("utf-8")
    assert str(place) in pages[1].read_text("utf-8")


def test_the_crontab_line_has_five_fields_and_a_command() -> None:
    *fields, command = cron_line().split(maxsplit=5)
    limits = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    for field, (low, high) in zip(fields, limits, strict=True):
        numbers = [int(n) for n in re.findall(r"\d+", field)]
        assert re.fullmatch(r"(\*|\d+)(/\d+)?", field)
        assert all(low <= number <= high for number in numbers)
    assert command.startswith(INSTALLED)
    assert "%" not in command


def test_the_image_runs_as_nobody_special_with_its_state_on_the_volume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, volume = instruction("USER"), instruction("VOLUME")
    assert user not in ("root", "0")
    assert any(name == "RUN" and f" {user} " in rest for name, rest in instructions())
    assignments = shlex.split(instruction("ENV"))
    environ = dict(assignment.split("=", 1) for assignment in assignments)
    monkeypatch.setenv("XDG_DATA_HOME", environ["XDG_DATA_HOME"])
    settings = load_settings(None, environ)
    assert settings.state.url == f"sqlite:///{volume}/{APP}/state.sqlite3"
    assert settings.state.tokens == Path(volume) / APP / "tokens.json"
    assert instruction("WORKDIR") == volume
    # Where a config says where the state is, the image does not know better.
    config = tmp_path / "config.toml"
    config.write_text('[state]\nurl = "sqlite:///x"\ntokens = "/y"\n', "utf-8")
    named = load_settings(config, environ).state
    assert (named.url, named.tokens) == ("sqlite:///x", Path("/y"))


def test_what_the_image_copies_exists_and_gets_into_the_build() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [
        word
        for words in re.findall(r"^COPY (?!--)(.+) \S+$", text, flags=re.MULTILINE)
        for word in words.split()
    ]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["packages"]) <= set(copied)
    for word in copied:
        assert (ROOT / word).exists()
        assert f"!{word}" in ignored
    assert "*" in ignored
    assert "config.toml" not in copied


def test_the_compose_file_is_closed_and_mounts_the_volume() -> None:
    document = compose()
    (container,) = document["services"].values()
    (mount,) = container["volumes"]
    name, target = mount.split(":")
    assert name in document["volumes"]
    assert target == instruction("VOLUME")
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in container["security_opt"]
    assert "ports" not in container
    build = container["build"]
    context = (DEPLOY / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]).exists()


def test_every_variable_of_the_sample_environment_is_a_setting() -> None:
    text = (DEPLOY / "trakt2discovr.env.example").read_text(encoding="utf-8")
    assigned = [line for line in text.splitlines() if line and line[0] != "#"]
    environ = dict(line.split("=", 1) for line in assigned)
    assert environ
    assert load_settings(None, environ) == Settings()
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    (container,) = compose()["services"].values()
    assert f"deploy/{container['env_file']}" in ignored


def test_the_page_about_it_names_files_that_exist_and_commands_that_do() -> None:
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (DEPLOY / target).exists()
    calls = re.findall(
        r"(?:run --rm trakt2discovr|config\.toml) (\w+) (\w+)$", text, re.MULTILINE
    )
    assert {name for name, _ in calls} == {"login"}
    login = app.commands["login"]
    for _, service in calls:
        login.make_context("login", [service])  # raises where it is not known


# What watches the metrics.


def full() -> Stage:
    """Return a job of which every sample can be told."""
    stage = Stage([])
    job, now = stage.job, stage.clock.now()
    job.state.last = job.state.telling = turn(Ending.DONE, 0)
    job.state.last_success_at, job.state.unmatched = now, 1
    job.state.login_ends_at, job.state.due = now, Due(stage.clock, 1)
    job.state.add(Spent("Trakt", 1))
    return stage


def scraped(job: Watched) -> dict[str, Vector]:
    """Return what a scraper gets, with the labels that it adds of its own."""
    target = {"job": "trakt2discovr", "instance": "here:9464"}
    found: dict[str, Vector] = {}
    for family in registry(job).collect():
        for sample in family.samples:
            labels = frozenset({**sample.labels, **target}.items())
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def exported() -> tuple[set[str], dict[str, set[str]]]:
    """Return the names of all samples that there can be, and labels with values."""
    samples = [
        sample for family in registry(full().job).collect() for sample in family.samples
    ]
    labels: dict[str, set[str]] = {}
    for sample in samples:
        for name, value in sample.labels.items():
            labels.setdefault(name, set()).add(value)
    return {sample.name for sample in samples}, labels


def alert_rules() -> list[dict[str, Any]]:
    text = (DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8")
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return read_panels(DEPLOY / "grafana" / "dashboard.json")


EXPRESSIONS = [rule["expr"] for rule in alert_rules()] + [
    target["expr"] for panel in panels() for target in panel["targets"]
]
#: All of PromQL that stands in them, and the label that it names.
_FUNCTIONS = {"absent", "increase", "time", "and", "ignoring", "ending"}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_rules_and_dashboards_name_only_what_is_exported(expression: str) -> None:
    names, labels = exported()
    for name, value in re.findall(r'(\w+)="([^"]*)"', expression):
        assert value in labels[name]
    bare = re.sub(r"\{[^}]*\}|\[\d+[smhd]\]", "", expression)
    words = set(re.findall(r"[a-z_]\w*", bare))
    assert words & names
    assert words <= names | _FUNCTIONS
    assert bare.count("(") == bare.count(")")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_both_sides_of_every_operator_can_match(expression: str) -> None:
    samples = scraped(full().job)
    assert evaluate(expression, World(samples, samples, is_open=True))


@pytest.mark.parametrize(
    "expression",
    [
        'trakt2discovr_runs_total{ending="login"} > 0 and trakt2discovr_healthy == 0',
        "trakt2discovr_requests_total / trakt2discovr_entries_written_total",
        "trakt2discovr_healthy + on(instance) trakt2discovr_runs_total",
        "trakt2discovr_runs_total unless on(ending) trakt2discovr_healthy",
    ],
)
def test_sides_that_never_match_would_be_noticed(expression: str) -> None:
    samples = scraped(full().job)
    with pytest.raises(MatchError):
        evaluate(expression, World(samples, samples, is_open=True))


def test_each_alert_fires_when_it_should_and_not_while_all_is_well() -> None:
    """A rule that is never true looks like a job that is never in trouble."""
    well = full()
    well.job.state.login_ends_at = well.clock.now() + timedelta(days=60)
    now_s = well.clock.now().timestamp()
    calm = World(scraped(well.job), scraped(well.job), now_s)
    rules = {rule["alert"]: rule["expr"] for rule in alert_rules()}
    assert {name for name, expr in rules.items() if evaluate(expr, calm)} == set()

    fired: dict[Ending, set[str]] = {}
    for ending in (Ending.LOGIN, Ending.BUG, Ending.STATE):
        stage = full()
        before = scraped(stage.job)
        stage.job.state.login_ends_at = stage.clock.now() + timedelta(days=60)
        stage.job.state.end(turn(ending, 0))
        world = World(scraped(stage.job), before, now_s)
        fired[ending] = {name for name, expr in rules.items() if evaluate(expr, world)}
    unhealthy = "Trakt2DiscovrUnhealthy"
    assert fired[Ending.LOGIN] == {unhealthy, "Trakt2DiscovrLoginLost"}
    assert fired[Ending.BUG] == {unhealthy, "Trakt2DiscovrBug"}
    assert fired[Ending.STATE] == {unhealthy}

    nobody = World({}, {}, now_s)
    assert evaluate(rules["Trakt2DiscovrGone"], nobody)
    later = World(calm.now, calm.before, now_s + 10 * 86_400)
    assert evaluate(rules["Trakt2DiscovrLate"], later)
    soon = World(scraped(full().job), calm.before, now_s)
    assert evaluate(rules["Trakt2DiscovrLoginEnds"], soon)


def test_a_name_that_is_not_exported_would_be_noticed() -> None:
    names, _ = exported()
    assert "trakt2discovr_healthy" in names
    assert "trakt2discovr_runs" not in names
    assert "trakt2discovr_runs_total" in names


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    rules = alert_rules()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert set(rule["annotations"]) == {"summary", "description"}
        shown = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert shown <= {"instance"}


def test_every_panel_has_a_place_of_its_own_and_a_legend_that_exists() -> None:
    _, labels = exported()
    check_places(panels())
    for panel in panels():
        for target in panel["targets"]:
            for name in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert name in {*labels, "instance"}


def test_a_service_that_fails_is_told_of_once_a_day() -> None:
    told = configparser.ConfigParser(strict=False, interpolation=None)
    told.optionxform = str  # type: ignore[assignment,method-assign]  # as documented
    told.read(DEPLOY / "systemd" / "trakt2discovr-failed@.service")
    assert told["Unit"]["StartLimitBurst"] == "1"
    first, *words = shlex.split(told["Service"]["ExecStart"])
    assert first == f"-{INSTALLED}"
    rest = words[words.index("notify") + 1 :]
    assert app.commands["notify"].make_context("notify", rest).params["text"]
    for name in ("trakt2discovr.service", "trakt2discovr-sync.service"):
        text = (DEPLOY / "systemd" / name).read_text(encoding="utf-8")
        assert "OnFailure=trakt2discovr-failed@%n.service\n" in text
    # What passes by itself is no failure of the timer's service.
    assert "4" in unit("trakt2discovr-sync.service")["SuccessExitStatus"].split()
