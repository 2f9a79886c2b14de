import re
from importlib.resources import files

import pytest

from .test_http import ask, get_json

PATHS = [
    "/",
    "/docs",
    "/static/style.css",
    "/static/app.js",
    "/static/draw.js",
    "/static/docs.js",
    "/static/icon.svg",
]


@pytest.mark.parametrize("path", PATHS)
def test_pages_come_with_a_strict_policy(server, path):
    status, headers, body = ask(server, "GET", path)
    assert status == 200
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    name = {"/": "index.html", "/docs": "docs.html"}.get(path, path.rpartition("/")[2])
    assert body == (files("taeda_serve") / "page" / name).read_bytes()


@pytest.mark.parametrize("path", PATHS)
def test_pages_load_nothing_from_elsewhere_and_hold_no_inline_code(server, path):
    text = ask(server, "GET", path)[2].decode()
    for reference in re.findall(r'(?:src|href|action)="([^"]*)"|url\(([^)]*)\)|from "([^"]*)"', text):
        for target in filter(None, reference):
            assert target.startswith(("/", "./")), target
    assert set(re.findall(r"https?://[\w.]+", text)) <= {"http://www.w3.org"}  # the name of the SVG namespace
    assert not re.search(r"<script>|<style>|\son\w+=\"|style=\"|innerHTML", text)


def test_openapi_lists_every_route(server):
    description = get_json(server, "/openapi.json")
    assert set(description["paths"]) == {
        *("/v2", "/v2/health/live", "/v2/health/ready"),
        *(f"/v2/models/{{name}}{end}" for end in ("", "/ready", "/infer")),
        *(f"/v2/models/{{name}}/versions/{{version}}{end}" for end in ("", "/ready", "/infer")),
        *("/ping", "/predictions/{name}", "/predictions/{name}/{version}"),
        *("/models", "/models/{name}", "/models/{name}/{version}", "/metrics", "/openapi.json"),
    }
    operations = [operation for path in description["paths"].values() for operation in path.values()]
    identities = [operation["operationId"] for operation in operations]
    assert len(set(identities)) == len(identities)
    assert all(operation["summary"] for operation in operations)
    assert description["paths"]["/models"]["post"]["security"] == [{"token": []}]
