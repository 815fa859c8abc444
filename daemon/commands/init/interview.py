"""The conversation: asks for each part, tries it for real, and lets a failure be put right."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from daemon.commands.init.asking import RETRY, STOP
from daemon.commands.init.questions import ask_route, ask_seed, ask_shop
from daemon.commands.init.staging import KEY
from daemon.commands.init.trials import Trouble
from daemon.settings import Seed, SettingsError
from daemon.settings.problems import spelled
from daemon.settings.section import refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    from daemon.commands.init.asking import Asker
    from daemon.commands.init.staging import Staging
    from daemon.commands.init.trials import Trials

Draft = dict[str, Any]
"""A part of the settings as data."""

SHOP = "First the shop whose receipts are to be watched."
SEEDS = (
    "\nNow the probe inboxes that test receipts are sent to. Use inboxes of their own that nobody "
    "opens; 3 to 5 at each provider that your customers have are best."
)
ROUTES = "\nNow the ways by which the shop sends its receipts, the everyday one first."


class Stopped(Exception):  # noqa: N818 - reads as what it is
    """The conversation ended before anything was written; the text says why."""


def converse(asker: Asker, staging: Staging, trials: Trials) -> Draft:
    """Ask for a whole settings file; raises Stopped, or SettingsError for answers in a file."""
    asker.say(SHOP)
    shop = ask_shop(asker, ("shop",))
    asker.say(SEEDS)
    seeds = _seeds(asker, staging, trials)
    whole = {"database": "sqlite:///ledger.db", "secret_key_file": KEY, "seeds": seeds}
    asker.say(ROUTES)
    routes: list[Draft] = []
    while asker.more(("routes", len(routes)), "Add a fallback route?", needed=not routes):
        ask = partial(
            ask_route, asker, staging, ("routes", len(routes)), shop=shop["name"], taken=routes
        )

        def attempt(route: Draft) -> str:
            sending = {**shop, "routes": [*routes, route]}
            return _try_route(staging, trials, {**whole, "shops": [sending]})

        route, works = settled(asker, ask, attempt)
        if not works:
            asker.say(f"The route {route['name']} is kept untested.")
        routes.append(route)
    return {**whole, "shops": [{**shop, "routes": routes}]}


def settled(
    asker: Asker, ask: Callable[[], Draft], attempt: Callable[[Draft], str]
) -> tuple[Draft, bool]:
    """Ask and try until it works or is given up; the draft, and whether it works."""
    while True:
        draft = ask()
        asker.say("Trying it …")
        try:
            asker.say(f"✓ {attempt(draft)}")
        except Trouble as trouble:
            asker.say(f"✗ {trouble}")
        else:
            return draft, True
        choice = asker.after_failure()
        if choice == STOP:
            raise Stopped("Ended after a failure.")
        if choice != RETRY:
            return draft, False


def _seeds(asker: Asker, staging: Staging, trials: Trials) -> list[Draft]:
    seeds: list[Draft] = []
    number = 0
    while asker.more(("seeds", number), "Add another probe inbox?", needed=not number):
        ask = partial(ask_seed, asker, staging, ("seeds", number), taken=seeds)
        seed, works = settled(asker, ask, partial(_try_seed, staging, trials))
        number += 1
        if works:
            seeds.append(seed)
        else:
            trials.forget(seed["name"])
            asker.say(f"{seed['address']} is left out.")
    if not seeds:
        raise Stopped("Without a single probe inbox there is nothing to watch.")
    return seeds


def _try_seed(staging: Staging, trials: Trials, draft: Draft) -> str:
    try:
        seed = Seed.model_validate(draft, context={"folder": staging.folder})
    except ValidationError as error:
        said = [f"{spelled(steps)} {sentence}." for steps, sentence in refusals(error)]
        raise Trouble(" ".join(said)) from None
    return trials.of_seed(seed)


def _try_route(staging: Staging, trials: Trials, whole: Draft) -> str:
    try:
        settings = staging.settings(whole)
    except SettingsError as error:
        said = [f"{problem.where} {problem.sentence}." for problem in error.problems]
        raise Trouble(" ".join(said)) from None
    return trials.of_last_route(settings)
