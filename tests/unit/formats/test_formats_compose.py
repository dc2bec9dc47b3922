from __future__ import annotations

import pytest

from keelmark.errors import ParseError
from keelmark.formats.compose import READER
from keelmark.formats.source import Source

FULL = """
x-base: &base
  privileged: true
services:
  app:
    <<: *base
    build: .
    ports:
      - "127.0.0.1:8000:8000"
      - target: 80
        published: "8080"
        host_ip: 0.0.0.0
    cap_add: [SYS_ADMIN]
    network_mode: host
    user: "1000"
    volumes:
      - /var/run/docker.sock:/var/run/docker.sock
      - {type: bind, source: /etc, target: /host, read_only: true}
    environment: {A: "1", B: }
    deploy: {resources: {limits: {memory: 512M}}}
    command: ["serve", "--all"]
  db:
    image: postgres:16
    environment:
      - POSTGRES_PASSWORD=hunter2
      - BARE
    mem_limit: 1g
"""


def source(text: str, path: str = "docker-compose.yml") -> Source:
    return Source.of_bytes(text.encode(), path=path)


def test_short_and_long_forms_say_the_same():
    (reading,) = READER.read(source(FULL))
    app, db = reading.services
    assert app.is_privileged
    assert app.ports == ("127.0.0.1:8000:8000", "0.0.0.0:8080:80")
    assert ("cap_add", "SYS_ADMIN") in app.settings
    assert ("network_mode", "host") in app.settings
    assert app.volumes == ("/var/run/docker.sock:/var/run/docker.sock", "/etc:/host:ro")
    assert app.environment == (("A", "1"), ("B", ""))
    assert app.limits == ("memory=512M",)
    assert (app.run_as_user, app.command, app.line) == ("1000", "serve --all", 5)
    assert db.environment == (("POSTGRES_PASSWORD", "hunter2"), ("BARE", ""))
    assert (db.image, db.limits, db.is_privileged) == ("postgres:16", ("mem_limit=1g",), False)


def test_compose_is_recognised_by_content():
    item = source("services:\n  a:\n    image: b\n", "deploy/stack.yaml")
    assert READER.recognises(item)
    assert READER.read(item)[0].services[0].image == "b"


def test_other_files_with_services_are_left_alone():
    assert READER.read(source("services:\n  - docker:dind\n", ".gitlab-ci.yml")) == ()
    assert READER.read(source("services:\n  a: {port: 1}\n", "app.yaml")) == ()
    assert READER.read(source("services:\n  a: {{ broken\n", "app.yaml")) == ()
    assert not READER.recognises(source("jobs:\n  a:\n    services: {}\n", "x.yml"))


def test_broken_compose_file_is_no_silence():
    with pytest.raises(ParseError):
        READER.read(source("services: [\n"))
