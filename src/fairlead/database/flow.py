"""Making a place's database, written down before and after."""

from fairlead.base.errors import FairleadError
from fairlead.base.ids import Place
from fairlead.base.journal import Event, Fact, Journal, Outcome, Verb
from fairlead.base.secret import Secret
from fairlead.database.ports import Databases
from fairlead.database.rules import asked_for


def make(
    databases: Databases, journal: Journal, place: Place, who: str, admin: Secret | None
) -> Secret:
    """Make the role and database of a place; the URL they are reached by, which nobody has yet:
    it is to be sealed. Raises what ``Databases.make`` does, once the record says so."""
    asked = asked_for(place)
    facts: dict[str, Fact] = {"how": "created", "database": asked.database, "role": asked.role}
    why = f"a database for {place}"
    intent = journal.write(Event(Verb.DATABASE, Outcome.INTENT, who, why, *place, facts=facts))
    try:
        url = databases.make(asked, admin)
    except FairleadError as error:
        ended = Event(
            Verb.DATABASE, Outcome.FAILED, who, error.what, *place, facts=facts, intent=intent
        )
        journal.write(ended)
        raise
    journal.write(Event(Verb.DATABASE, Outcome.DONE, who, why, *place, facts=facts, intent=intent))
    return url
