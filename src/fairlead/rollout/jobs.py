"""Steps that leave a durable mark: backup, migration, smoke checks, done."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from fairlead.base.errors import FairleadError, Refused
from fairlead.base.ids import Place
from fairlead.desired.model import Desired, Release
from fairlead.plan.model import (
    Backup,
    CopyId,
    Done,
    Job,
    JobKind,
    JobState,
    Migrate,
    Smoke,
    Try,
)
from fairlead.rollout import smoke
from fairlead.rollout.ports import Task, TaskState
from fairlead.rollout.rules import (
    argv_of,
    database_url,
    environment_of,
    migrating_environment,
    why_it_failed,
)
from fairlead.rollout.world import World
from fairlead.secrets.scrub import Scrubber

JobStep = Backup | Migrate | Try | Smoke | Done


class JobFailed(FairleadError):
    """A job ran to its end, and its answer is no."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """Runs the jobs of one rollout, under one lease's fencing token."""

    world: World
    place: Place
    token: int

    def run(self, step: JobStep, wanted: Desired, intent: int) -> str:
        """Do the job; what is worth saying of it. Raises JobFailed once its mark says so."""
        role = step.role if isinstance(step, Try) else ""
        now = self.world.clock.now()
        kind, number = _KINDS[type(step)], wanted.release.number
        job = Job(kind, number, wanted.revision, JobState.RUNNING, now, "", role, intent)
        if isinstance(step, Migrate):
            return self._migrate(wanted.release, job)
        return self._to_its_end(job, lambda: self._do(step, wanted.release))

    def _to_its_end(self, job: Job, do: Callable[[], str]) -> str:
        try:
            said = do()
        except JobFailed as failed:
            self._put(job, JobState.FAILED, failed.what)
            raise
        self._put(job, JobState.SUCCEEDED, said)
        return said

    def _put(self, job: Job, state: JobState, detail: str) -> None:
        now = self.world.clock.now()
        mark = msgspec.structs.replace(job, state=state, since=now, detail=detail)
        self.world.marks.put_job(self.place, mark, self.token)

    def _do(self, step: Backup | Try | Smoke | Done, release: Release) -> str:
        match step:
            case Backup():
                return self._backup(release)
            case Try(role=role, copies=copies):
                return self._try(release, role, copies)
            case Smoke():
                return self._smoke(release)
            case Done():
                return ""

    def _backup(self, release: Release) -> str:
        migrate = release.manifest.migrate
        setting = migrate.database if migrate else ""
        laid = self.world.files.laid(self.place, release)
        secrets = self.world.secrets.values(self.place, release)
        url = database_url(release, environment_of(self.place, release, laid), secrets)
        if not url:
            raise JobFailed(f"the setting {setting} is empty: nothing says what to back up")
        directory = self.world.files.backups(self.place)
        try:
            taken = self.world.backups.take(url, directory, f"before-{release.number}")
        except FairleadError as error:
            masked = Scrubber(secrets.items())
            raise JobFailed(masked(error.what), masked(error.hint)) from None
        return f"{taken.bytes} bytes, read back: {taken.proof}"

    def _try(self, release: Release, role: str, copies: tuple[CopyId, ...]) -> str:
        addresses = {p.copy: p.address for p in self.world.runtime.processes(self.place)}
        asked = tuple(s for s in release.manifest.smokes if s.path and s.role == role)
        for copy in copies:
            address = addresses.get(copy, "")
            _raise(smoke.faults(self.world, self.place, release, asked, address))
        return f"{len(asked)} asked of {len(copies)} copies"

    def _smoke(self, release: Release) -> str:
        asked = release.manifest.smokes
        address = self.world.files.listen(self.place)
        _raise(smoke.faults(self.world, self.place, release, asked, address))
        return f"{len(asked)} asked"

    def _migrate(self, release: Release, job: Job) -> str:
        """Start the migration; it goes on without us, and ``harvest`` sees it end."""
        migrate = release.manifest.migrate
        if migrate is None:
            raise Refused(f"release {release.number} has no migrate command", "fairlead status")
        laid = self.world.files.laid(self.place, release)
        secrets = self.world.secrets.values(self.place, release)
        plain = environment_of(self.place, release, laid)
        task = Task(
            place=self.place,
            key=task_key(job),
            argv=argv_of(migrate.command, "", laid),
            directory=laid.tree,
            environment=migrating_environment(release, plain, secrets),
            log=self.world.files.log(self.place, task_key(job)),
            limit=migrate.limit,
            secrets=secrets,
            data=laid.data,
        )
        # The mark first: a task that runs without a mark could be started twice.
        self._put(job, JobState.RUNNING, "")
        self.world.runtime.run(task)
        return ""


_KINDS: dict[type, JobKind] = {
    Backup: JobKind.BACKUP,
    Migrate: JobKind.MIGRATE,
    Try: JobKind.TRY,
    Smoke: JobKind.SMOKE,
    Done: JobKind.DONE,
}


def _raise(found: tuple[str, ...]) -> None:
    if found:
        raise JobFailed("; ".join(found))


def task_key(job: Job) -> str:
    """The name of one run of a migration: the entry that announced it makes it one."""
    return f"migrate-{job.release}-{job.revision[:12]}-{job.intent}"


def harvest(world: World, place: Place, token: int) -> tuple[Job, ...]:
    """Turn migrations that have ended into marks; the jobs that ended.

    A migration that was started and left no outcome is LOST, and never read as done.
    """
    migrating = (JobKind.MIGRATE, JobState.RUNNING)
    running = [j for j in world.marks.read(place).jobs if (j.kind, j.state) == migrating]
    ended = [job for job in (_ended(world, place, job) for job in running) if job]
    for job in ended:
        release = world.releases.get(place.app, job.release)
        if job.state is JobState.SUCCEEDED and release and release.artifact.schema:
            # The schema first: a migration marked done whose schema is not known could
            # let an older release start on it.
            world.marks.put_schema(place, release.artifact.schema, token)
        world.marks.put_job(place, job, token)
    return tuple(ended)


def _ended(world: World, place: Place, job: Job) -> Job | None:
    seen = world.runtime.task(place, task_key(job))
    if seen.state is TaskState.RUNNING:
        return None
    state, detail = JobState.LOST, "nobody can say how it ended"
    if seen.state is TaskState.EXITED:
        state = JobState.FAILED if seen.exit else JobState.SUCCEEDED
        detail = _reason(world, place, job, seen.exit) if seen.exit else ""
    return msgspec.structs.replace(job, state=state, since=world.clock.now(), detail=detail)


def _reason(world: World, place: Place, job: Job, code: int) -> str:
    """Its exit, and what the end of its log tells of it."""
    release = world.releases.get(place.app, job.release)
    migrate = release.manifest.migrate if release else None
    told = why_it_failed(world.files.said(place, task_key(job)), migrate.lock if migrate else 0)
    return f"exit {code}: {told}" if told else f"exit {code}"
