"""Which sentences tell a story, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.alerts.advice import advise
from daemon.alerts.notice import NoticeKind
from daemon.alerts.page import Page, Step
from daemon.alerts.story import Cause, Digest, Effect, Story, Trial, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.alerts.speech import Speaker
    from daemon.alerts.story import Subject

MOST_LINES = 10
"""Incidents that a digest names one by one."""


def subject_of(subject: Subject, speaker: Speaker) -> str:
    """The subject line."""
    match subject:
        case Story():
            return _story_subject(subject, speaker)
        case Digest():
            return _digest_subject(subject, speaker)
        case Trouble():
            return speaker.say("subject.operator", contact=subject.contact)
        case Trial():
            return speaker.say("subject.test")


def page_of(subject: Subject, speaker: Speaker) -> Page:
    """The whole notice."""
    title = subject_of(subject, speaker)
    match subject:
        case Story():
            return _story_page(subject, speaker, title)
        case Digest():
            return _digest_page(subject, speaker, title)
        case Trouble():
            return _trouble_page(subject, speaker, title)
        case Trial():
            names = {"contact": subject.contact, "channel": subject.channel}
            return Page("info", title, (speaker.say("test.body", **names),))


def _names(story: Story) -> dict[str, str]:
    return {
        "shop": story.shop,
        "route": story.route,
        "provider": story.provider,
        "seed": story.seed or story.provider,
    }


def _headline(story: Story, speaker: Speaker) -> str:
    key: str = story.effect
    if story.cause is Cause.SEED:
        key = f"seed_{_seed_way(story)}"
    elif story.cause is Cause.BLOCKLIST:
        key = "blocklist"
    return speaker.say(f"headline.{key}", **_names(story))


def _seed_way(story: Story) -> str:
    return "spam" if story.effect is Effect.SPAM else "missing"


def _story_subject(story: Story, speaker: Speaker) -> str:
    if story.kind is NoticeKind.RESOLVED:
        way = {"seed": "resolved_seed", "takes": "resolved_refused", "held": "resolved_held"}
        key = way.get(_way(story), "resolved")
    elif story.kind is NoticeKind.OPENED and story.again:
        key = "again"
    else:
        key = story.kind
    return speaker.say(f"subject.{key}", headline=_headline(story, speaker), **_names(story))


def _story_page(story: Story, speaker: Speaker, title: str) -> Page:
    solved = story.kind is NoticeKind.RESOLVED
    told = _resolved(story, speaker) if solved else _problem(story, speaker)
    return Page(
        "solved" if solved else "problem",
        title,
        tuple(told),
        () if solved else tuple(_steps(story, speaker)),
        story.link,
        (
            speaker.say("page.incident", incident=story.incident),
            speaker.say("page.zone", zone=speaker.reader.zone),
        ),
    )


def _problem(story: Story, speaker: Speaker) -> Iterator[str]:
    yield from _lead(story, speaker)
    if story.counts and story.effect is not Effect.RETURNED:
        yield _seen(story, speaker)
    if story.returned:
        yield speaker.say("seen.returned", story.returned, provider=story.provider)
    if story.held:
        yield speaker.say("seen.held", story.held)
    since = speaker.when(story.since, story.now)
    yield speaker.say(
        f"why.{_why(story)}", since=since, template=story.template or "", **_names(story)
    )
    if story.reply:
        yield speaker.say("why.reply", reply=story.reply)
    if story.elsewhere:
        yield speaker.say("seen.elsewhere", story.elsewhere)


def _lead(story: Story, speaker: Speaker) -> Iterator[str]:
    duration = speaker.lasting(story.now - story.since)
    match story.kind:
        case NoticeKind.REMINDER | NoticeKind.ESCALATED:
            yield speaker.say(f"lead.{story.kind}", duration=duration)
        case NoticeKind.CAUSE_CHANGED if story.was:
            was, cause = (speaker.say(f"cause.{c}") for c in (story.was, story.cause))
            yield speaker.say("lead.cause_changed", was=was, cause=cause)
        case NoticeKind.OPENED if story.again:
            yield speaker.say("lead.again")


def _seen(story: Story, speaker: Speaker) -> str:
    counts = story.counts
    if counts is None:
        return ""
    usual = speaker.say("count.usual", counts.usual) if counts.usual else speaker.nothing
    return speaker.say(
        f"seen.{story.effect}",
        counts.receipts,
        inboxes=speaker.say("count.inboxes", counts.seeds, bad=counts.bad),
        receipts=speaker.say("count.receipts", counts.receipts),
        usual=usual,
        **_names(story),
    )


def _why(story: Story) -> str:
    match story.cause:
        case Cause.ROUTE:
            return f"route_{story.other_routes}"
        case Cause.SEED:
            return f"seed_{_seed_way(story)}"
        case Cause.CONTENT if not story.template:
            return "content_some"
        case cause:
            return cause


def _resolved(story: Story, speaker: Speaker) -> Iterator[str]:
    yield _landed(story, speaker)
    lasted = (story.until or story.now) - story.since
    yield speaker.say("resolved.lasted", duration=speaker.lasting(lasted))
    if story.probes:
        yield speaker.say("resolved.probes", story.probes, hit=story.hit)
    yield speaker.say("resolved.nothing")


def _landed(story: Story, speaker: Speaker) -> str:
    until = speaker.when(story.until or story.now, story.now)
    return speaker.say(f"resolved.{_way(story)}", until=until, **_names(story))


def _way(story: Story) -> str:
    """What its end is: where no provider is named, the route's own server was the trouble."""
    if story.cause is Cause.AUTHENTICATION and not story.provider:
        return "takes"
    ends = {Cause.SEED: "seed", Cause.REFUSED: "takes", Cause.HELD: "held"}
    return ends.get(story.cause, "lands")


def _steps(story: Story, speaker: Speaker) -> Iterator[Step]:
    for advice in advise(story):
        sentence = speaker.say(f"advice.{advice.word}", **advice.values)
        yield Step(sentence, advice.record, advice.url)


def _digest_subject(digest: Digest, speaker: Speaker) -> str:
    shop = digest.shop or speaker.say("count.all_shops")
    solved = digest.about is NoticeKind.RESOLVED
    key = "subject.digest_resolved" if solved else "subject.digest"
    return speaker.say(key, digest.total, shop=shop)


def _digest_page(digest: Digest, speaker: Speaker, title: str) -> Page:
    solved = digest.about is NoticeKind.RESOLVED
    named = digest.stories[:MOST_LINES]
    told: list[str] = [speaker.say(f"digest.{digest.about}", digest.total)]
    told += [_line(story, speaker, solved=solved) for story in named]
    if digest.total > len(named):
        told.append(speaker.say("digest.more", digest.total - len(named)))
    footer = (speaker.say("page.zone", zone=speaker.reader.zone),)
    return Page("solved" if solved else "problem", title, tuple(told), (), digest.link, footer)


def _line(story: Story, speaker: Speaker, *, solved: bool) -> str:
    if solved:
        return speaker.say("digest.line_resolved", shop=story.shop, told=_landed(story, speaker))
    return speaker.say(
        "digest.line",
        headline=_headline(story, speaker),
        since=speaker.when(story.since, story.now),
        shop=story.shop,
    )


def _trouble_page(trouble: Trouble, speaker: Speaker, title: str) -> Page:
    names = {"contact": trouble.contact, "channel": trouble.channel}
    told = (
        speaker.say("operator.unreachable", trouble.tries, **names),
        speaker.say("operator.reason", reason=trouble.reason),
    )
    return Page("problem", title, told, (Step(speaker.say("operator.todo")),))
