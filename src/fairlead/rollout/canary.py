"""The verdict from outside on a canary: a command's, or the smoke checks'."""

from threading import Lock

from fairlead.base.clock import Clock
from fairlead.base.ids import Place
from fairlead.desired.model import Desired, Release
from fairlead.manifest.model import Canary
from fairlead.plan.model import Health
from fairlead.rollout.ports import Commands, Files, Http, Process, Secrets
from fairlead.rollout.rules import argv_of, environment_of, fault_of

ASK_EVERY = 1.0
"""Seconds a verdict holds before it is asked for again."""

LIMIT = 10.0
"""Seconds a verdict command may take; past it the verdict is not known."""


_NEVER = ("", 0.0, Health.NOT_KNOWN)


class CanaryJudge:
    """Asks for the verdict at most once a second for each place's revision."""

    def __init__(
        self, http: Http, commands: Commands, files: Files, secrets: Secrets, clock: Clock
    ) -> None:
        self._http = http
        self._commands = commands
        self._files = files
        self._secrets = secrets
        self._clock = clock
        self._known: dict[Place, tuple[str, float, Health]] = {}
        self._lock = Lock()

    def judge(self, wanted: Desired, strategy: Canary, processes: tuple[Process, ...]) -> Health:
        """HEALTHY, UNHEALTHY, or NOT_KNOWN, which never advances."""
        now = self._clock.now()
        with self._lock:
            revision, asked_at, health = self._known.get(wanted.place, _NEVER)
        if revision == wanted.revision and now - asked_at < ASK_EVERY:
            return health
        if strategy.verdict:
            health = self._command(wanted, strategy.verdict)
        else:
            health = self._smokes(wanted.release, processes)
        with self._lock:
            self._known[wanted.place] = (wanted.revision, now, health)
        return health

    def _command(self, wanted: Desired, command: str) -> Health:
        """Exit 0 is healthy, 1 unhealthy, anything else not known."""
        laid = self._files.laid(wanted.place, wanted.release)
        environment = environment_of(wanted.place, wanted.release, laid)
        secrets = self._secrets.values(wanted.place, wanted.release)
        argv = argv_of(command, "", laid)
        asked = self._commands.ask(wanted.place, argv, laid.tree, environment, LIMIT, secrets)
        return {0: Health.HEALTHY, 1: Health.UNHEALTHY}.get(asked.exit, Health.NOT_KNOWN)

    def _smokes(self, release: Release, processes: tuple[Process, ...]) -> Health:
        """The smoke checks that are requests, asked of every new copy among ``processes``.

        A wrong answer is unhealthy. No answer, and nothing asked, are not known.
        """
        now = self._clock.now()
        answers = [
            (smoke, self._http.get(p.address, smoke.path, smoke.limit))
            for p in processes
            for smoke in release.manifest.smokes
            if p.copy.release == release.number and p.copy.role == smoke.role and smoke.path
        ]
        if any(
            answer.status and fault_of(smoke, answer, release, now) for smoke, answer in answers
        ):
            return Health.UNHEALTHY
        silent = not answers or any(answer.status == 0 for _, answer in answers)
        return Health.NOT_KNOWN if silent else Health.HEALTHY
