"""Certificates of places, as the agent keeps them and ``status`` shows them."""

from fairlead.base.ids import Place
from fairlead.certificates.flow import keep
from fairlead.certificates.rules import sentence
from fairlead.manifest.model import Environment
from fairlead.service.tools import Tools


def tend(tools: Tools, place: Place) -> float:
    """Keep the certificate of what is served at a place; when something falls due, 0: never.

    May take as long as an authority does. Raises FairleadError.
    """
    keeper = tools.certificates
    if keeper is None:
        return 0.0
    secured = [s.site for s in tools.world.proxy.sites(place) if s.site.tls]
    if not secured:
        return 0.0
    asked = [site for site in secured if site.tls and not site.tls.certificate]
    return keep(keeper, place, asked[0].names if asked else ())


def said(tools: Tools, environment: Environment | None) -> str:
    """How it stands with the certificate of an environment; "" where we get none for it."""
    if tools.certificates is None or environment is None or environment.https != "auto":
        return ""
    names, source = environment.domains, tools.certificates.source
    if not names:
        return ""
    return sentence(names, source.held(names), source.fault(names), tools.clock.now())
