"""Counters out of Caddy's metrics: Prometheus's text format (caddyserver.com/docs/metrics).

Each request passes one outer handler and so is counted once. Caddy starts its HTTP
counters anew with every change of its configuration, and says when that was.
"""

import re

from fairlead.base.errors import Unknown
from fairlead.rollout.ports import Counters

_REQUESTS = re.compile(r"caddy_http_request_duration_seconds_count\{(.*)\} (\S+)")
_RELOADED = re.compile(r"^caddy_config_last_reload_success_timestamp_seconds (\S+)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def counters(text: str, server: str) -> Counters:
    """What was counted for one server. Raises Unknown when the text does not say since when."""
    since = _RELOADED.search(text)
    if since is None:
        raise Unknown("the proxy's metrics do not say since when they count")
    by_code = [
        (labels.get("code", ""), int(float(count)))
        for labels, count in _samples(text)
        if labels.get("server") == server
    ]
    failed = sum(count for code, count in by_code if code.startswith("5"))
    return Counters(sum(count for _, count in by_code), failed, float(since[1]))


def _samples(text: str) -> list[tuple[dict[str, str], str]]:
    return [(dict(_LABEL.findall(labels)), count) for labels, count in _REQUESTS.findall(text)]
