"""The API, the page and the WebSocket, through the addresses people use."""

import asyncio
import json
from hashlib import sha256
from pathlib import Path
from unittest import mock

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import OperationalError
from django.test import SimpleTestCase, override_settings
from django.utils import timezone
from django.utils.translation import gettext, override

from levels import live

from .scene import Scene, minutes


class StationsTest(Scene):
    """``/api/stations``."""

    def test_before_the_first_observation(self) -> None:
        """An empty database is answered honestly: nothing is known."""
        answer = self.client.get("/api/stations").json()
        self.assertEqual(answer["status"], "unknown")
        self.assertEqual(answer["freshness"], "unknown")
        self.assertIsNone(answer["observed_at"])
        self.assertEqual(len(answer["stations"]), 8)

    def test_fresh_then_stale(self) -> None:
        """Fresh after a round; degraded when the collector has been away."""
        self.collect_all(timezone.now() - minutes(1))
        answer = self.client.get("/api/stations").json()
        self.assertEqual((answer["status"], answer["freshness"]), ("ok", "fresh"))
        with override_settings(OBSERVATION_FRESH_FOR=30.0):
            self.forget()
            answer = self.client.get("/api/stations").json()
        self.assertEqual((answer["status"], answer["freshness"]), ("degraded", "stale"))


class OthersTest(Scene):
    """Health, version, the export, and hosts."""

    def test_health_follows_the_database(self) -> None:
        """200 while it answers; 503 when not, without telling where it lives."""
        self.assertEqual(self.client.get("/healthz").status_code, 200)
        gone = OperationalError("could not connect to db.internal")
        with mock.patch("levels.api._ask_database", side_effect=gone):
            answer = self.client.get("/healthz")
        self.assertEqual(answer.status_code, 503)
        self.assertNotIn("internal", answer.content.decode())

    def test_version(self) -> None:
        """The release is a number where it is one, and null where nobody said."""
        with override_settings(RELEASE="17", COMMIT="abc"):
            self.assertEqual(
                self.client.get("/api/version").json(), {"release": 17, "commit": "abc"}
            )
        with override_settings(RELEASE="", COMMIT=""):
            self.assertEqual(
                self.client.get("/api/version").json(), {"release": None, "commit": None}
            )

    def test_export_is_bounded_and_ends(self) -> None:
        """It streams to a last line that says so; more than 30 s is refused."""
        answer = self.client.get("/slow?seconds=0")

        async def read() -> bytes:
            return b"".join([part async for part in answer.streaming_content])

        self.assertTrue(async_to_sync(read)().endswith(b"end\n"))
        for wrong in ("31", "-1", "nan", "x"):
            self.assertEqual(self.client.get(f"/slow?seconds={wrong}").status_code, 400, wrong)

    def test_a_strange_host_is_refused(self) -> None:
        """Only the named hosts are served."""
        self.assertEqual(self.client.get("/", headers={"host": "evil.example"}).status_code, 400)


class PageTest(Scene):
    """``/``."""

    def test_languages(self) -> None:
        """The reader's language, from the address or else from the browser."""
        self.collect_all(timezone.now())
        german = self.client.get("/", headers={"accept-language": "de"})
        self.assertContains(german, "Der Fluss jetzt")
        self.assertEqual(german["Content-Language"], "de")
        french = self.client.get("/?lang=fr", headers={"accept-language": "de"})
        self.assertContains(french, "La rivière maintenant")
        self.assertEqual(int(french["Content-Length"]), len(french.content))

    def test_page_without_observations(self) -> None:
        """A first start has a page, too."""
        self.assertContains(self.client.get("/"), "the collector has not run")


class TranslationTest(SimpleTestCase):
    """The catalogues."""

    def test_compiled_from_what_is_there(self) -> None:
        """Every .mo was made from the .po beside it: see tools/compile_translations.py."""
        found = sorted(Path(settings.BASE_DIR).glob("levels/locale/*/LC_MESSAGES/django.po"))
        self.assertEqual(len(found), 2)
        for source in found:
            made = f"X-Source-SHA256: {sha256(source.read_bytes()).hexdigest()}".encode()
            self.assertIn(made, source.with_suffix(".mo").read_bytes(), source)
        with override("de"):
            self.assertEqual(gettext("flood"), "Hochwasser")


class LiveTest(Scene):
    """``/ws/levels``."""

    def test_pushes_until_the_client_leaves(self) -> None:
        """A message at once, and the end when the client goes."""
        sent: list[dict] = []

        async def serve(path: str) -> None:
            gone = asyncio.Event()
            inbox = [{"type": "websocket.connect"}]

            async def receive() -> dict:
                if inbox:
                    return inbox.pop()
                await gone.wait()
                return {"type": "websocket.disconnect", "code": 1001}

            async def send(message: dict) -> None:
                sent.append(message)
                if message["type"] == "websocket.send":
                    gone.set()

            scope = {"type": "websocket", "path": path}
            await asyncio.wait_for(live.push_levels(scope, receive, send), 2)

        async_to_sync(serve)("/ws/levels")
        self.assertEqual([each["type"] for each in sent], ["websocket.accept", "websocket.send"])
        self.assertEqual(len(json.loads(sent[1]["text"])["levels"]), 8)
        sent.clear()
        async_to_sync(serve)("/ws/other")
        self.assertEqual([each["type"] for each in sent], ["websocket.close"])
