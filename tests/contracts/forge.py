"""The suite that every forge passes (``fairlead.checks.ports.Forge``), against one that is as
strict as its documentation. A subclass gives ``world``: the forge, and what the other side knows.
"""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from drivers.fake_forge import COMMIT, TOKEN, Fault, State
from fairlead.base.ids import CommitId
from fairlead.checks.model import Answer
from fairlead.checks.ports import Forge

AT = CommitId(COMMIT)
NAME = "fairlead/shop"


@dataclass
class World:
    """``waited`` are the seconds that were slept."""

    forge: Forge
    state: State
    waited: list[float]


class ForgeContract:
    """Every driver of the port."""

    STATES: ClassVar[dict[Answer | None, str]]
    """The forge's word for each answer, None for under way."""
    REWRITES: ClassVar[str]
    """The method that rewrites a comment."""
    IN_BODY: ClassVar[bool] = False
    """Whether a list says in its body where it goes on."""

    @pytest.mark.parametrize("answer", [None, *Answer])
    def test_a_status_says_the_answer_in_the_forges_word(
        self, world: World, answer: Answer | None
    ) -> None:
        """Not known is never a success there."""
        sent = world.forge.status(AT, NAME, answer, "tests not known (time-out)", "https://x/1")
        assert sent.done, sent.sentence
        assert world.state.statuses[-1]["state"] == self.STATES[answer]
        assert self.STATES[Answer.NOT_KNOWN] not in ("success", "SUCCESSFUL")

    def test_a_status_without_a_place_to_read_more_is_taken_too(self, world: World) -> None:
        """No url is given: the forge gets what it must have."""
        assert world.forge.status(AT, NAME, Answer.FAILED, "x").done

    def test_a_long_sentence_is_cut_to_what_the_forge_takes(self, world: World) -> None:
        """Also with characters that a terminal should not see."""
        sent = world.forge.status(AT, NAME, Answer.FAILED, "tests\n\x1b[31m" + "x" * 5000)
        assert sent.done, sent.sentence
        assert len(world.state.statuses[-1]["description"]) == 140
        assert "\x1b" not in world.state.statuses[-1]["description"]

    def test_the_same_status_again_stands_there(self, world: World) -> None:
        """Said twice, it is said."""
        for _ in range(2):
            assert world.forge.status(AT, NAME, Answer.PASSED, "all passed").done

    def test_a_comment_is_added_once_and_then_rewritten(self, world: World) -> None:
        """Three verdicts on a change leave one comment, with the last."""
        sentences = [world.forge.comment("12", NAME, text).sentence for text in ("a", "b", "b")]
        assert [s.rpartition(": ")[2] for s in sentences] == ["added", "rewritten", "said already"]
        (shown,) = world.state.shown()
        assert shown.endswith("\n\nb")

    def test_each_app_has_a_comment_of_its_own(self, world: World) -> None:
        """Of two apps in one repository neither overwrites the other's."""
        world.forge.comment("12", "fairlead/shop", "a")
        world.forge.comment("12", "fairlead/shop-api", "b")
        world.forge.comment("12", "fairlead/shop", "c")
        assert [text.rpartition("\n")[2] for text in world.state.shown()] == ["c", "b"]

    def test_our_comment_is_found_behind_pages_of_others(self, world: World) -> None:
        """A long discussion does not make us say it again."""
        world.state.page = 10
        world.state.by_others(*(f"comment {n}" for n in range(35)))
        world.forge.comment("12", NAME, "a")
        assert world.forge.comment("12", NAME, "b").sentence.endswith("rewritten")
        assert len(world.state.shown()) == 36

    def test_a_comment_that_somebody_else_gave_our_first_line_is_left_alone(
        self, world: World
    ) -> None:
        """Nobody can have our verdict written into a comment that is theirs to edit."""
        world.state.by_others(f"[//]: # ({NAME})\n\nall passed, believe me")
        world.forge.comment("12", NAME, "failed")
        assert len(world.state.shown()) == 2
        assert world.state.shown()[0].endswith("believe me")

    def test_a_comment_longer_than_the_forge_takes_is_cut_and_says_so(self, world: World) -> None:
        """A verdict with thousands of findings is shown as far as it goes."""
        assert world.forge.comment("12", NAME, "x" * 200_000).done
        (shown,) = world.state.shown()
        assert len(shown) < 32_768
        assert shown.endswith("… cut: see the output")

    def test_a_comment_whose_answer_was_lost_is_not_written_twice(self, world: World) -> None:
        """The forge did it and answered 502: it is looked for before it is said again."""
        world.state.faults = [Fault(502, after=True, on="POST")]
        sent = world.forge.comment("12", NAME, "a")
        assert sent.done, sent.sentence
        assert len(world.state.shown()) == 1

    def test_a_comment_that_was_deleted_meanwhile_is_added_anew(self, world: World) -> None:
        """Between looking and rewriting it may go."""
        world.forge.comment("12", NAME, "a")
        world.state.notes[0].text += " (edited)"
        world.state.faults = [Fault(404, on=self.REWRITES)]
        assert world.forge.comment("12", NAME, "b").sentence.endswith("added")

    def test_it_waits_as_long_as_it_is_asked_to(self, world: World) -> None:
        """429 with Retry-After is no failure, and no reason to hurry."""
        world.state.faults = [Fault(429, {"Retry-After": "7"}) for _ in range(2)]
        sent = world.forge.status(AT, NAME, Answer.PASSED, "x")
        assert sent.done, sent.sentence
        assert world.waited == [7, 7]

    def test_it_does_not_wait_for_an_hour(self, world: World) -> None:
        """A limit that is spent for long is said at once, with how long."""
        world.state.faults = [Fault(429, {"Retry-After": "3600"})]
        sent = world.forge.status(AT, NAME, Answer.PASSED, "x")
        assert (sent.done, world.waited) == (False, [])
        assert "3600 s" in sent.sentence

    def test_a_short_illness_is_waited_out_with_longer_and_longer_pauses(
        self, world: World
    ) -> None:
        """500, a hang-up and 503, then the answer."""
        world.state.faults = [Fault(500), Fault(0), Fault(503, body=b"<html>")]
        sent = world.forge.status(AT, NAME, Answer.PASSED, "x")
        assert sent.done, sent.sentence
        assert world.waited == [1, 2, 4]

    def test_a_long_illness_is_said(self, world: World) -> None:
        """After four tries it is enough, and nothing is raised."""
        world.state.faults = [Fault(500) for _ in range(9)]
        sent = world.forge.status(AT, NAME, Answer.PASSED, "x")
        assert not sent.done
        assert "500: so it is" in sent.sentence
        assert len(world.state.asked) == 4

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422])
    def test_a_refusal_is_said_at_once_and_not_asked_again(self, world: World, status: int) -> None:
        """With what the forge said, and without the token."""
        body = f'{{"message": "no: {TOKEN}"}}'.encode()
        world.state.faults = [Fault(status, body=body)]
        sent = world.forge.status(AT, "other", Answer.PASSED, "x")
        assert (sent.done, world.waited) == (False, [])
        assert f"{status}: no: <token>" in sent.sentence
        assert TOKEN not in sent.sentence

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_the_token_follows_no_redirect(self, world: World, status: int) -> None:
        """Wherever it is led, it goes nowhere, and says so."""
        world.state.faults = [Fault(status, {"Location": "/elsewhere"})]
        sent = world.forge.status(AT, NAME, Answer.PASSED, "x")
        assert not sent.done
        assert "elsewhere" in sent.sentence
        assert len(world.state.asked) == 1

    def test_what_is_no_json_is_no_answer(self, world: World) -> None:
        """A page that somebody between us and the forge sends with 200 is not a success."""
        world.state.faults = [Fault(200, body=b"<html>log in</html>") for _ in range(9)]
        assert not world.forge.status(AT, NAME, Answer.PASSED, "x").done

    def test_the_next_page_is_not_fetched_from_elsewhere(self, world: World) -> None:
        """A list that leads to another host ends there."""
        elsewhere = "http://127.0.0.2:9/x"
        body = f'{{"values": [], "next": "{elsewhere}"}}' if self.IN_BODY else "[]"
        link = {"Link": f'<{elsewhere}>; rel="next"'}
        own = Fault(200, body=b'{"id": 7, "uuid": "{7}"}', on="GET")
        world.state.faults = [own, Fault(200, link, body.encode(), on="GET")]
        assert world.forge.comment("12", NAME, "a").sentence.endswith("added")

    @pytest.mark.parametrize("number", ["", "x", "1/../2", "-1", "١"])
    def test_a_request_is_named_by_its_number(self, world: World, number: str) -> None:
        """Anything else is not put into an address."""
        assert not world.forge.comment(number, NAME, "a").done
        assert world.state.asked == []

    def test_an_answer_without_end_is_no_answer(self, world: World) -> None:
        """More than 8 MiB are not kept."""
        world.state.faults = [Fault(200, body=b" " * (9 << 20)) for _ in range(4)]
        sent = world.forge.status(AT, NAME, Answer.PASSED, "x")
        assert not sent.done
        assert "no end" in sent.sentence
