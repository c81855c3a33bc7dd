"""How users reach a role, as its manifest says. Pure."""

import msgspec

from fairlead.base.ids import Place
from fairlead.manifest.model import Certificate, Environment, Role
from fairlead.rollout.ports import Public, Site, Tls


def site_of(
    place: Place, role: Role, environment: Environment | None, listen: str, public: Public | None
) -> Site:
    """The role's site, nobody serving it yet. ``listen`` is the place's own address.

    With ``domains`` it is asked for where the world asks, and there by these names only; its own
    address stays for what we ask ourselves.
    """
    site = Site(
        place,
        role.name,
        listen,
        role.route,
        (),
        stream_limit=role.stop,
        body_limit=role.body_limit,
    )
    if public is None or environment is None or not environment.domains:
        return site
    tls = _tls(environment, public)
    return msgspec.structs.replace(
        site,
        listen=public.secure if tls else public.plain,
        names=environment.domains,
        tls=tls,
        canonical=environment.canonical,
        own=listen,
    )


def _tls(environment: Environment, public: Public) -> Tls | None:
    files = environment.https
    if files == "off":
        return None
    given = files if isinstance(files, Certificate) else Certificate("", "")
    return Tls(given.certificate, given.key, public.plain, environment.hsts, environment.redirect)
