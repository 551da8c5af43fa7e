"""Which addresses are talked to, and through which proxy."""

from __future__ import annotations

import pytest
from yarl import URL

from connectors.errors import ConfigError, TransientError
from connectors.http.client import HttpClient, RetryPolicy, check_base_url
from connectors.http.transport import proxy_for
from tests.loopback import Loopback, reply


@pytest.mark.parametrize(
    "url",
    [
        "https://api.trakt.tv",
        "https://api.themoviedb.org/3",
        "https://10.0.0.1:8443",
        "http://localhost:8080",
        "http://LOCALHOST",
        "http://127.0.0.1:1",
        "http://127.9.8.7",
        "http://[::1]:8080/v1",
        "https://films.b\u00fccher.example",
        "https://xn--bcher-kva.example",
        "https://under_score.example.",
    ],
)
def test_an_address_that_keeps_tokens_safe_is_accepted(url: str) -> None:
    check_base_url(url, "trakt.api_url")
    HttpClient("Trakt", url)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.trakt.tv",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://2130706433",
        "http://0.0.0.0",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "api.trakt.tv",
        "//api.trakt.tv",
        "https://",
        "https://[::1",
        "https://host:port",
        "https://api..trakt.tv",
        "https://.trakt.tv",
        "https://.",
        f"https://{'a' * 64}.tv",
        "https://a." + "\u00fc" * 64 + ".tv",
        "https://xn--a",
        "https://\u202etrakt.tv",
        "https://trakt\u2028.tv",
        "https://tra kt.tv",
        "https://trakt\0.tv",
        "https://\u3002trakt.tv",
        "",
        "https://me:s3cret@api.trakt.tv",
        "http://s3cret@127.0.0.1",
        "https://api.trakt.tv/?key=s3cret",
        "https://api.trakt.tv/#s3cret",
    ],
)
def test_any_other_is_refused_by_the_name_of_its_setting(url: str) -> None:
    with pytest.raises(ConfigError, match=r"trakt\.api_url") as caught:
        check_base_url(url, "trakt.api_url")
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ConfigError):
        HttpClient("Trakt", url)


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://api.trakt.tv", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://api.trakt.tv", "http://p:1"),
        ({"https_proxy": "p:1"}, "https://api.trakt.tv", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "https://api.trakt.tv", None),
        (
            {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "trakt.tv"},
            "https://api.trakt.tv",
            None,
        ),
        ({"HTTP_PROXY": "http://p:1"}, "http://127.0.0.1:8", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://localhost", None),
    ],
)
def test_the_proxy_is_what_the_environment_names_and_never_for_loopback(
    environment: dict[str, str],
    url: str,
    proxy: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(URL(url)) == proxy


async def test_a_proxy_of_another_kind_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:s3cret@127.0.0.1:1080")
    async with HttpClient("Trakt", "https://api.trakt.tv") as client:
        with pytest.raises(ConfigError, match="socks5") as caught:
            await client.request("GET", "/x")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://a..b",
        "http://",
        "http://[::1",
        "http://host:port",
        "127.0.0.1:99999",
        f"http://{'a' * 64}:8080",
        "http://tra\u202ekt:8080",
        "http://s3cret\u20ac:x@127.0.0.1:1",
        "http://x:s3cret%e2%82%ac@127.0.0.1:1",
    ],
)
async def test_a_proxy_that_is_no_address_is_refused(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    async with HttpClient("Trakt", "https://api.trakt.tv") as client:
        with pytest.raises(ConfigError, match="no address") as caught:
            await client.request("GET", "/x")
    assert "HTTPS_PROXY" in caught.value.remedy
    assert "s3cret" not in str(caught.value)


async def test_a_write_that_the_proxy_refused_goes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Loopback([reply(502, cuts=True)]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//me:s3cret@"))
        policy = RetryPolicy(attempts=2, wait_initial_s=0)
        async with HttpClient("Trakt", "https://api.trakt.tv", retry=policy) as client:
            with pytest.raises(TransientError) as caught:
                await client.request("POST", "/x")
    assert proxy.asked == ["CONNECT api.trakt.tv:443"] * 2
    assert proxy.received[0].headers["proxy-authorization"] == "Basic bWU6czNjcmV0"
    assert "s3cret" not in str(caught.value)
