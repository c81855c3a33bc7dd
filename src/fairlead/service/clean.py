"""Clean-up: artifacts that nothing needs any more (promise 8)."""

from fairlead.artifact import flow as artifact
from fairlead.artifact.model import Cleaned
from fairlead.base.ids import Digest, Place
from fairlead.desired import read
from fairlead.desired.model import Desired
from fairlead.plan.model import Job, JobKind, JobState
from fairlead.rollout.rules import kept_assets
from fairlead.service.tools import Tools


def clean(tools: Tools) -> Cleaned:
    """Remove the artifacts and dependencies that no release which is kept needs.

    Kept are, in every place: what is desired or proposed, what runs, what was desired
    before, the last ``keep`` releases that passed smoke there, and those whose files pages
    that are open still find.
    """
    return artifact.clean(tools.shop, needed(tools), tools.me)


def needed(tools: Tools) -> frozenset[Digest]:
    """The artifacts that are kept."""
    found: set[Digest] = set()
    for place in tools.places():
        for number in _kept(tools, place):
            release = tools.world.releases.get(place.app, number)
            if release:
                found.add(release.artifact.digest)
    return frozenset(found)


def _kept(tools: Tools, place: Place) -> set[int]:
    """The numbers of the releases a place keeps."""
    look = tools.deploy.repo.look()
    wanted, proposal = tools.desired(place), read.proposal(look, tools.deploy.verifier, place)
    now = [wanted.release.number, wanted.previous] if wanted else []
    held = [proposal.release.number] if proposal else []
    running = [process.copy.release for process in tools.world.runtime.processes(place)]
    jobs = tools.world.marks.read(place).jobs
    good, shown = last_good(jobs, _keep(wanted)), _still_shown(tools, place, jobs)
    return {*now, *held, *running, *good, *shown} - {0}


def _still_shown(tools: Tools, place: Place, jobs: tuple[Job, ...]) -> list[int]:
    """Releases that were replaced so lately that open pages still find their files: the proxy
    is led to them at every switch."""
    found = []
    for number, replaced_for in kept_assets(jobs, tools.clock.now()):
        release = tools.world.releases.get(place.app, number)
        assets = release.manifest.build.assets if release else None
        if assets and replaced_for <= assets.keep:
            found.append(number)
    return found


def _keep(wanted: Desired | None) -> int:
    return wanted.release.manifest.keep if wanted else 1


def last_good(jobs: tuple[Job, ...], keep: int) -> list[int]:
    """The last ``keep`` releases that passed smoke, newest first: good ones, not directories."""
    done = [
        (job.since, job.release)
        for job in jobs
        if (job.kind, job.state) == (JobKind.DONE, JobState.SUCCEEDED)
    ]
    return [release for _, release in sorted(done, reverse=True)[:keep]]
