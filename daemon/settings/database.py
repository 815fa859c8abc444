"""The database's URL: SQLAlchemy's form, without drivers and without passwords."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, SecretStr, ValidationInfo

from daemon.settings.files import folder_of

_FORMS = "write sqlite:///FILE or postgresql://USER@HOST/NAME"
_SQLITE = "sqlite:///"


def _database_url(value: str, info: ValidationInfo) -> str:
    scheme = value.partition(":")[0]
    if scheme == "sqlite":
        return _sqlite(value, folder_of(info))
    if scheme != "postgresql":
        raise ValueError(f"must name SQLite or PostgreSQL: {_FORMS}")
    return _postgresql(value)


def _sqlite(value: str, folder: Path) -> str:
    name = value.removeprefix(_SQLITE)
    if not value.startswith(_SQLITE) or not name or name == ":memory:" or "?" in name:
        raise ValueError("must name a file: sqlite:///FILE, or sqlite:////FILE from the root")
    file = folder.absolute() / name
    if not file.parent.is_dir():
        rooted = f"; a path from the root has four slashes: sqlite:////{name}"
        hint = "" if name.startswith("/") else rooted
        raise ValueError(f"there is no folder {file.parent}{hint}")
    return f"{_SQLITE}{file}"


def _postgresql(value: str) -> str:
    try:
        url = urlsplit(value)
        url.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise ValueError(f"is no URL: {_FORMS}") from None
    if url.password is not None:
        raise ValueError("must not hold the password; write it to `database_password_file`")
    if not url.path.strip("/"):
        raise ValueError(f"names no database: {_FORMS}")
    return value


def with_password(url: str, password: SecretStr | None) -> SecretStr:
    """`url` with `password` (percent-encoded) behind its user name."""
    if password is None:
        return SecretStr(url)
    user, at, rest = url.partition("@")
    return SecretStr(f"{user}:{quote(password.get_secret_value(), safe='')}{at}{rest}")


DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
