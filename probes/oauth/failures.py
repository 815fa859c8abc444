"""What can go wrong with an OAuth login, each with a sentence and a remedy.

No text here ever holds what a server wrote freely: it may echo the secret it was sent.
"""

from __future__ import annotations

from typing import ClassVar

from probes.observation import Finding, Severity


class OAuthError(Exception):
    """A login that gave no access token; `str()` is the sentence and the remedy."""

    status: ClassVar[str] = "failed"
    severity: ClassVar[Severity] = Severity.PROBLEM
    temporary: ClassVar[bool] = False

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(f"{sentence} {remedy}")
        self.sentence = sentence
        self.remedy = remedy

    def as_finding(self) -> Finding:
        """The same as a finding about the seed (check "oauth")."""
        return Finding("oauth", self.status, self.severity, self.sentence, remedy=self.remedy)


class GrantExpired(OAuthError):  # noqa: N818 - named after what happened, as the finding is
    """The stored permission ended (`invalid_grant`, RFC 6749 section 5.2): a person must log in."""

    status = "invalid_grant"

    def __init__(self, account: str, *, ended_by: str, stored: bool = True) -> None:
        what = "no longer lets us in" if stored else "has never been logged in"
        super().__init__(
            f"{account} {what}.",
            f"Run `receiptwatch login {account}` again; {ended_by}."
            if stored
            else f"Run `receiptwatch login {account}`.",
        )
        self.account = account


class Refused(OAuthError):  # noqa: N818 - as GrantExpired
    """The server said no by `code`, an error word of RFC 6749 or 8628 (else "unknown error")."""

    status = "refused"

    def __init__(self, host: str, code: str, detail: str = "") -> None:
        super().__init__(
            f"{host} refused the login: {code}{f' ({detail})' if detail else ''}.",
            "Compare client id, client secret and tenant with the app's registration there.",
        )
        self.code = code


class LoginFailed(OAuthError):  # noqa: N818 - as GrantExpired
    """A person's login did not come to its end: declined, too late, or not the one we began."""

    status = "login failed"


class TokenTrouble(OAuthError):  # noqa: N818 - as GrantExpired
    """The server could not be asked or did not answer properly; worth another try.

    `retry_after_s` is the server's own wish (RFC 9110 section 10.2.3), if it had one.
    """

    status = "temporary trouble"
    severity = Severity.UNKNOWN
    temporary = True

    def __init__(self, host: str, problem: str, retry_after_s: float | None = None) -> None:
        super().__init__(
            f"{host} {problem}.", "It is tried again; check this host's way out if it stays."
        )
        self.retry_after_s = retry_after_s
