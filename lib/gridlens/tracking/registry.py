"""Registered versions: which there are, which is champion, and which was before it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from gridlens.errors import RegistryError
from gridlens.settings import Settings
from gridlens.tracking.client import Client
from gridlens.tracking.loading import Loaded, load, served_text_of, text_of
from gridlens.tracking.names import (
    CHALLENGER,
    CHAMPION,
    CHAMPIONSHIPS,
    DECISION,
    FILES,
    REASON,
    is_unity_catalog,
    made_by,
    registered_name,
)
from gridlens.tracking.versions import Version

_REASON_LENGTH = 1000


class Registry:
    """The registered models of the store."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self.client = client
        self.settings = settings

    def register(self, model: str, run_id: str, path: str, tags: Mapping[str, str]) -> Version:
        """The model of a run as a new version."""
        name = registered_name(self.settings, model)
        if not self._exists(name):
            self._create(name)
        source = f"{self.client.get_run(run_id).info.artifact_uri}/{path}"
        made = self.client.create_model_version(name, source, run_id=run_id, tags=dict(tags))
        return self.version(model, int(made.version))

    def _exists(self, name: str) -> bool:
        try:
            self.client.get_registered_model(name)
        except RegistryError:
            return False
        return True

    def _create(self, name: str) -> None:
        try:
            self.client.create_registered_model(name)
        except RegistryError:
            if not self._exists(name):  # another training made it at the same moment
                raise

    def versions(self, model: str) -> list[Version]:
        """All versions of a model, newest first; none where it was never registered."""
        name = registered_name(self.settings, model)
        try:
            aliases = self.client.get_registered_model(name).aliases  # a search brings none
        except RegistryError:
            return []
        found: list[Any] = []
        token: str | None = None
        while True:
            page = self.client.search_model_versions(f"name='{name}'", max_results=100, page_token=token)
            found += page
            token = page.token
            if not token:
                break
        if is_unity_catalog(self.settings):  # nor tags there
            found = [self.client.get_model_version(name, entry.version) for entry in found]
        return sorted((self._version(model, entry, aliases) for entry in found), key=lambda entry: -entry.version)

    def _version(self, model: str, entry: Any, aliases: Mapping[str, str]) -> Version:
        number = int(entry.version)
        try:
            metrics = dict(self.client.get_run(entry.run_id).data.metrics) if entry.run_id else {}
        except RegistryError:  # the run was deleted for good, the version stands
            metrics = {}
        created = dt.datetime.fromtimestamp(entry.creation_timestamp / 1000, tz=dt.UTC)
        mine = tuple(sorted(alias for alias, version in aliases.items() if int(version) == number))
        return Version(model, entry.name, number, entry.run_id or "", created, mine, dict(entry.tags), metrics)

    def version(self, model: str, which: int | str = CHAMPION) -> Version:
        """One version by number or alias.

        Raises:
            RegistryError: there is none; says which there are, and what to do.
        """
        name = registered_name(self.settings, model)
        number = str(which).isdigit()
        try:
            ask = self.client.get_model_version if number else self.client.get_model_version_by_alias
            found = ask(name, str(which))
            return self._version(model, found, dict.fromkeys(found.aliases, found.version))
        except RegistryError as error:
            numbers = [str(entry.version) for entry in self.versions(model)]
            there = f"versions: {', '.join(numbers)}" if numbers else "it has no version yet"
            if number and numbers:
                raise RegistryError(f"{model} has no version {which} ({there}): `gridlens models` lists them") from error
            then = f", or `gridlens promote {model} --version N --reason WHY`" if numbers else ""
            what = f"version {which}" if number else which
            raise RegistryError(f"{model} has no {what} ({there}): run `{made_by(model)}`{then}") from error

    def challenge(self, model: str, version: int, *, reason: str) -> Version:
        """Makes a version the challenger, with the reason as a tag."""
        entry = self.version(model, version)
        self._tag(entry, {DECISION: CHALLENGER, REASON: reason})
        self.client.set_registered_model_alias(entry.name, CHALLENGER, str(entry.version))
        return self.version(model, version)

    def promote(self, model: str, version: int, *, reason: str) -> Version:
        """Makes a version the champion, with the reason as a tag; the champion so far is remembered for ``rollback``.

        The champion's own promotion changes nothing but the reason.
        """
        entry = self.version(model, version)
        if CHAMPION not in entry.aliases:
            row = self._row(self._drop_stale(self.versions(model)))
            entry = self.version(model, version)
            self._places(entry, (*entry.championships, row[-1][0] + 1 if row else 1))
            self.client.set_registered_model_alias(entry.name, CHAMPION, str(entry.version))
            if CHALLENGER in entry.aliases:
                self.client.delete_registered_model_alias(entry.name, CHALLENGER)
        self._tag(entry, {DECISION: CHAMPION, REASON: reason})
        return self.version(model, version)

    def succeed(self, model: str, version: int, *, after: int | None, reason: str) -> Version:
        """Makes a version the champion in the place of the one that it was judged against.

        Where another version has that place by now, because two trainings ended at once, nobody has compared the two: it stays, and this
        one becomes the challenger.

        Args:
            after: the champion that it was judged against; None: there was none.
        """
        now = self.client.get_registered_model(registered_name(self.settings, model)).aliases.get(CHAMPION)
        if (int(now) if now else None) == after:
            return self.promote(model, version, reason=reason)
        against, there = (f"champion {number}" if number else "no champion" for number in (after, now))
        why = f"It was judged against {against}, and there is {there} now, so that it is not promoted: train again."
        return self.challenge(model, version, reason=f"{why} {reason}")

    def rollback(self, model: str, *, reason: str = "rolled back by hand") -> Version:
        """Makes the champion before the present one champion again, and so on with every call; gives it.

        Raises:
            RegistryError: there is no champion, or none before it.
        """
        current = self.version(model, CHAMPION)
        row = self._row(self._drop_stale(self.versions(model)))
        before = [(place, number) for place, number in row if number != current.version]
        if not before:
            promote = f"`gridlens promote {model} --version N --reason WHY`"
            raise RegistryError(f"{model} had no champion before version {current.version}: promote another with {promote}")
        place, number = before[-1]
        previous = self.version(model, number)
        # The alias first: a process killed in between leaves the right champion, and places above its own are not counted.
        self.client.set_registered_model_alias(previous.name, CHAMPION, str(number))
        self._places(current, tuple(p for p in current.championships if p < place))
        self._tag(current, {DECISION: "rolled_back", REASON: reason})
        self._tag(previous, {DECISION: CHAMPION, REASON: f"back after version {current.version}: {reason}"})
        return self.version(model, number)

    @staticmethod
    def _row(versions: list[Version]) -> list[tuple[int, int]]:
        """(place, version) of all champions, oldest first."""
        return sorted((place, entry.version) for entry in versions for place in entry.championships)

    def _drop_stale(self, versions: list[Version]) -> list[Version]:
        """Without the places above the present champion's own, which a roll-back or promotion that was cut short left."""
        champion = next((entry for entry in versions if CHAMPION in entry.aliases), None)
        top = max(champion.championships, default=None) if champion else None
        if champion is None or top is None:
            return versions
        for entry in versions:
            if any(place > top for place in entry.championships):
                self._places(entry, tuple(place for place in entry.championships if place <= top))
        return self.versions(champion.model)

    def _places(self, entry: Version, places: tuple[int, ...]) -> None:
        self.client.set_model_version_tag(entry.name, str(entry.version), CHAMPIONSHIPS, " ".join(map(str, places)) or " ")

    def _tag(self, entry: Version, tags: Mapping[str, str]) -> None:
        for name, value in tags.items():
            self.client.set_model_version_tag(entry.name, str(entry.version), name, value[:_REASON_LENGTH])

    def load(self, model: str, which: int | str = CHAMPION) -> Loaded:
        """A version for scoring, after its files were found whole and safe.

        Args:
            which: number or alias.

        Raises:
            RegistryError: there is no such version, its files are gone or altered, or hold pickled code.
        """
        return load(self.version(model, which), self.client, self.settings)

    def text(self, version: Version, path: str) -> str:
        """A text artifact of the run that made a version, for people; raises RegistryError where it is not there."""
        return text_of(version, self.client, self.settings, path)

    def check_served(self, version: Version) -> None:
        """Raises RegistryError where a file that scoring or grading reads beside the model is gone or altered."""
        try:
            paths = list(json.loads(version.tags.get(FILES, "{}")))
        except (ValueError, TypeError) as error:
            raise RegistryError(f"{version} was altered after it was registered ({FILES}): train the model") from error
        for path in paths:
            self.served_text(version, path)

    def served_text(self, version: Version, path: str) -> str:
        """A text artifact that scoring or grading reads; raises RegistryError where it is not there, or not what was logged."""
        return served_text_of(version, self.client, self.settings, path)
