"""How a seed or a route logs in; secrets stay in their files until they are asked for."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Discriminator, Field, SecretStr, Tag, model_validator

from daemon.settings.addresses import is_loopback
from daemon.settings.files import LineFile, read_line
from daemon.settings.section import TAG, Refusal, Section, refuse
from probes.oauth.microsoft import check_tenant


def _web_address(value: str) -> str:
    url = urlsplit(value)
    if not url.hostname or url.scheme not in {"https", "http"}:
        raise ValueError("must be a web address that begins with https://")
    if url.scheme == "http" and not is_loopback(url.hostname):
        raise ValueError("must begin with https://: tokens travel over it")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]
Text = Annotated[str, Field(min_length=1, max_length=320)]


class PasswordLogin(Section):
    """Login by a password: where a provider offers app passwords, one of these."""

    word: ClassVar[str] = "password"
    kind: Literal["password"]
    username: Text | None = None
    """The name to log in with; a seed's address by default."""
    password_file: LineFile
    """File that holds the password alone, in one line, mode 0600."""

    def read_password(self) -> SecretStr:
        """The password as the file holds it now; raises ValueError when it cannot be read."""
        return read_line(self.password_file)


class OAuthLogin(Section):
    """Login by OAuth 2.0 tokens, which `receiptwatch init` obtains and the ledger keeps."""

    word: ClassVar[str] = "oauth"
    kind: Literal["oauth"]
    flow: Literal["google", "microsoft-device", "microsoft-app"]
    """google (a browser, once), microsoft-device (a code to type) or microsoft-app (no person)."""
    client_id: Text
    """The application's id at the provider."""
    client_secret_file: LineFile | None = None
    """File that holds the application's secret; google and microsoft-app need it."""
    tenant: Annotated[str, AfterValidator(check_tenant)] | None = None
    """Microsoft's directory: a domain or an id; microsoft-app needs it."""
    username: Text | None = None
    """The mailbox to log in to; a seed's address by default."""
    token_url: WebAddress | None = None
    """Another token endpoint, for private test servers."""
    auth_url: WebAddress | None = None
    """Another authorisation (or device authorisation) endpoint, for private test servers."""

    @model_validator(mode="after")
    def _what_the_flow_needs(self) -> Self:
        refuse(self._missing())
        return self

    def _missing(self) -> Iterator[Refusal]:
        if self.flow != "microsoft-device" and not self.client_secret_file:
            yield ("client_secret_file",), f"is missing. The flow {self.flow} needs it"
        if self.flow == "microsoft-app" and not self.tenant:
            yield ("tenant",), "is missing. The flow microsoft-app needs the directory's id"
        if self.flow == "google" and self.tenant:
            yield ("tenant",), "belongs to Microsoft's flows; remove it"

    def read_client_secret(self) -> SecretStr | None:
        """The application's secret, if it has one; raises ValueError when it cannot be read."""
        return read_line(self.client_secret_file) if self.client_secret_file else None


def _kind(data: Any) -> str | None:  # noqa: ANN401 - unvalidated
    if isinstance(data, PasswordLogin | OAuthLogin):
        return TAG + data.kind
    return TAG + str(data.get("kind")) if isinstance(data, dict) else None


Login = Annotated[
    Annotated[PasswordLogin, Tag(f"{TAG}password")] | Annotated[OAuthLogin, Tag(f"{TAG}oauth")],
    Discriminator(_kind),
]
