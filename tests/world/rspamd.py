"""The spam filter of all three providers: rspamd as a milter, with a knob for the stories."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.world.processes import Server, listening, owner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.world.plan import Plan

PORT = 11332
JUNK_BODY = "YJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
"""A text that rspamd files into spam; with X for its first letter, that it rejects by 554."""
REJECT_BODY = "X" + JUNK_BODY[1:]

RULES = """
-- The file is read anew for every message, so that a knob works from the next message on.
local function knobs()
  local parser = require("ucl").parser()
  return parser:parse_file("%s") and parser:get_object() or {}
end

local function matches(wanted, found)
  return wanted == "*" or wanted == found
end

rspamd_config.WORLD_KNOB = {
  score = 8.0,
  callback = function(task)
    local ip = tostring(task:get_ip())
    for _, knob in ipairs(knobs().junk or {}) do
      for _, rcpt in ipairs(task:get_recipients("smtp") or {}) do
        if matches(knob[1], ip) and matches(knob[2], rcpt.domain) then
          return true
        end
      end
    end
    return false
  end
}
"""


@dataclass(slots=True)
class Rspamd:
    """The running filter."""

    plan: Plan
    server: Server | None = None
    junked: list[tuple[str, str]] = field(default_factory=list)

    def start(self) -> None:
        """Start rspamd; `await_ready` follows."""
        folder = self.plan.room("rspamd", owner())
        self._turn_knobs()
        (folder / "rspamd.conf").write_text(self._config())
        (folder / "rspamd.local.lua").write_text(RULES % self._knobs)
        (folder / "suffixes").write_text("test\ncom\nnet\norg\n")
        rooms = {"LOCAL_CONFDIR": folder, "DBDIR": folder, "LOGDIR": folder, "RUNDIR": folder}
        variables = [word for name, path in rooms.items() for word in ("--var", f"{name}={path}")]
        argv = ["rspamd", "-f", "-c", f"{folder}/rspamd.conf", *variables]
        self.server = Server.start("rspamd", argv, folder / "output")

    def await_ready(self) -> None:
        assert self.server
        self.server.await_ready(listening(self.plan.rspamd, PORT))

    def _config(self) -> str:
        folder = self.plan.folder / "rspamd"
        # hyperscan would compile for seconds; the full suffix list would load for as long.
        # "local" networks are exempt from checks, and all of ours are loopback: say we have none.
        return f"""
lua = "$RULESDIR/rspamd.lua"
modules {{ path = "$PLUGINSDIR" }}
.include "$CONFDIR/groups.conf"
options {{
  pidfile = "{folder}/rspamd.pid";
  filters = "dkim,regexp";
  dns {{ nameserver = ["{self.plan.dns}:53:10"]; timeout = 1s; retransmits = 2; sockets = 4; }}
  enable_test_patterns = true;
  gtube_patterns = "all";
  local_addrs = ["192.0.2.255/32"];
  tempdir = "{folder}";
  url_tld = "{folder}/suffixes";
  disable_hyperscan = true;
  hs_cache_dir = "{folder}/";
  control_socket = "{folder}/control.sock mode=0600";
}}
logging {{ type = "file"; filename = "{folder}/rspamd.log"; level = "info"; }}
worker "rspamd_proxy" {{
  bind_socket = "{self.plan.rspamd}:{PORT}";
  milter = yes;
  timeout = 20s;
  count = 1;
  upstream "local" {{ default = yes; self_scan = yes; }}
}}
actions {{ reject = 15; add_header = 6; greylist = null; }}
spf {{ check_local = true; check_authed = true; spf_cache_size = 0; spf_cache_expire = 1s; }}
dkim {{ check_local = true; check_authed = true; dkim_cache_size = 0; dkim_cache_expire = 1s; }}
dmarc {{
  check_local = true;
  check_authed = true;
  actions = {{ quarantine = "add_header"; reject = "reject"; }}
}}
milter_headers {{
  use = ["authentication-results", "x-spam-status", "spam-header"];
  skip_local = false;
  skip_authenticated = false;
  routines {{
    authentication-results {{ header = "Authentication-Results"; remove = 0; }}
    spam-header {{ header = "X-Spam"; value = "Yes"; }}
  }}
}}
"""

    @property
    def _knobs(self) -> str:
        return f"{self.plan.folder}/rspamd/knobs.json"

    def _turn_knobs(self) -> None:
        fresh = self.plan.folder / "rspamd" / "knobs.fresh"
        fresh.write_text(json.dumps({"junk": self.junked}))
        fresh.replace(self._knobs)

    @contextmanager
    def junk(self, route: str = "*", provider: str = "*") -> Iterator[None]:
        """File a route's mail to a provider into spam ("*" stands for all), until the end."""
        ips = {r.name: r.ip for r in self.plan.routes()} | {"*": "*"}
        domains = {p.name: p.domain for p in self.plan.providers()} | {"*": "*"}
        entry = (ips[route], domains[provider])
        self.junked.append(entry)
        self._turn_knobs()
        try:
            yield
        finally:
            self.junked.remove(entry)
            self._turn_knobs()

    def log(self) -> str:
        """What rspamd wrote, for a test's failure message."""
        return (self.plan.folder / "rspamd" / "rspamd.log").read_text(errors="replace")
