"""The weighted proxy's configuration.

The share of the candidate is a variable of the running process, set by a request on a port of its own: a new weight
replaces no container and breaks no connection. A restarted proxy sends everything to the stable release.
"""

from __future__ import annotations

from components.spec import READY_PATH

PUBLIC, STABLE, CANDIDATE, WEIGHT = 8000, 8001, 8002, 8003
"""The proxy's own ports."""


def configuration(port: int, replicas: int) -> str:
    """HAProxy's configuration for services that listen on ``port``.

    Replicas are found by the names ``stable`` and ``candidate`` in the engine's DNS; there is room for twice as many,
    because a replacement starts before the old one stops.
    """
    return f"""global
  maxconn 4096
  set-var proc.candidate int(0)

resolvers engine
  nameserver engine 127.0.0.11:53
  resolve_retries 3
  timeout resolve 1s
  timeout retry 1s
  hold valid 1s
  hold nx 1s
  hold obsolete 1s

defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout http-request 10s
  timeout http-keep-alive 10s
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response
  option httpchk GET {READY_PATH}
  http-check expect status 200
  default-server check inter 500ms fall 2 rise 1 resolvers engine init-addr none

frontend public
  bind :{PUBLIC}
  use_backend candidate if {{ rand(100),sub(proc.candidate) lt 0 }} {{ nbsrv(candidate) gt 0 }}
  default_backend stable

frontend stable
  bind :{STABLE}
  default_backend stable

frontend candidate
  bind :{CANDIDATE}
  default_backend candidate

frontend weight
  bind :{WEIGHT}
  acl given path_reg ^/([0-9]|[1-9][0-9]|100)$
  http-request set-var(proc.candidate) path,field(2,/),add(0) if METH_PUT given
  http-request return status 400 if METH_PUT !given
  http-request return status 200 content-type text/plain lf-string %[var(proc.candidate)]

backend stable
  balance leastconn
  server-template stable 1-{replicas * 2} stable:{port}

backend candidate
  balance leastconn
  server-template candidate 1-{replicas * 2} candidate:{port}
"""
