"""OAuth 2.0 logins to mailboxes: obtained once by a person, then renewed by the daemon.

`GoogleCode` and `MicrosoftDevice` have a `login`; they and `MicrosoftApp` are clients from which
`AccessTokens` keeps an access token at hand. Everything that goes wrong is an `OAuthError`.
"""

from probes.oauth.failures import (
    GrantExpired,
    LoginFailed,
    OAuthError,
    Refused,
    TokenTrouble,
)
from probes.oauth.google import Consent, GoogleCode
from probes.oauth.microsoft import DevicePrompt, MicrosoftApp, MicrosoftDevice
from probes.oauth.tokens import AccessTokens, OAuthClient, RefreshStore, Tokens

__all__ = [
    "AccessTokens",
    "Consent",
    "DevicePrompt",
    "GoogleCode",
    "GrantExpired",
    "LoginFailed",
    "MicrosoftApp",
    "MicrosoftDevice",
    "OAuthClient",
    "OAuthError",
    "RefreshStore",
    "Refused",
    "TokenTrouble",
    "Tokens",
]
