"""Files that the settings name: secrets, certificates, templates; relative to the settings file."""

import os
import shlex
import ssl
import stat
from pathlib import Path
from typing import Annotated, BinaryIO

from argon2 import Type, extract_parameters
from argon2.exceptions import InvalidHash
from pydantic import AfterValidator, SecretBytes, SecretStr, ValidationInfo

MAX_SECRET_BYTES = 65_536
MIN_KEY_BYTES = 32


def folder_of(info: ValidationInfo) -> Path:
    """What relative paths are relative to: the settings file's folder, else the current one."""
    context = info.context if isinstance(info.context, dict) else {}
    return Path(context.get("folder", Path.cwd()))


def read_secret(path: Path) -> SecretBytes:
    """The bytes of a file that only its owner and group may read; raises ValueError otherwise."""
    mode = regular(path).st_mode
    if mode & 0o007:
        command = f"chmod o-rwx {shlex.quote(str(path))}"
        raise ValueError(f"every user of this machine may open {path}; run: {command}")
    with _opened(path) as file:
        content = file.read(MAX_SECRET_BYTES + 1)
    if len(content) > MAX_SECRET_BYTES:
        raise ValueError(f"{path} is larger than 64 KB; is it the right file?")
    if not content.strip():
        raise ValueError(f"{path} is empty; write the secret into it")
    return SecretBytes(content)


def read_line(path: Path) -> SecretStr:
    """The one line of a secret file, without its end; raises ValueError otherwise."""
    try:
        line = read_secret(path).get_secret_value().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None
    if "\n" in line or "\r" in line or "\0" in line:
        raise ValueError(f"{path} must hold the secret alone, in one line")
    return SecretStr(line)


def read_password_hash(path: Path) -> SecretStr:
    """An argon2id hash as `receiptwatch password` makes it; raises ValueError otherwise."""
    line = read_line(path)
    try:
        kind = extract_parameters(line.get_secret_value()).type
    except InvalidHash:
        kind = None
    if kind is not Type.ID:
        raise ValueError(
            f"{path} must hold an argon2id hash, never the password; `receiptwatch password` "
            "makes one"
        )
    return line


def read_key(path: Path) -> SecretBytes:
    """The bytes of a key file of 32 bytes or more; raises ValueError otherwise."""
    key = read_secret(path)
    if len(key.get_secret_value()) < MIN_KEY_BYTES:
        command = f"(umask 077; head -c 32 /dev/urandom > {shlex.quote(str(path))})"
        raise ValueError(f"{path} has fewer than {MIN_KEY_BYTES} bytes; make one: {command}")
    return key


def regular(path: Path) -> os.stat_result:
    """The file's status; raises ValueError unless it is a plain file that exists."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}; create it or correct the path") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is not a file")
    return status


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None


def beside_the_settings(path: Path, info: ValidationInfo) -> Path:
    """`path` as the settings mean it: relative to their own folder."""
    return folder_of(info) / path.expanduser()


def _line_file(path: Path) -> Path:
    read_line(path)
    return path


def _hash_file(path: Path) -> Path:
    read_password_hash(path)
    return path


def _key_file(path: Path) -> Path:
    read_key(path)
    return path


def _certificates(path: Path) -> Path:
    regular(path)
    try:
        ssl.create_default_context(cafile=str(path))
    except (ssl.SSLError, OSError):
        raise ValueError(f"{path} holds no certificate in PEM form") from None
    return path


def _text_file(path: Path) -> Path:
    regular(path)
    _opened(path).close()
    return path


LineFile = Annotated[Path, AfterValidator(beside_the_settings), AfterValidator(_line_file)]
"""A file that holds one secret in one line."""
HashFile = Annotated[Path, AfterValidator(beside_the_settings), AfterValidator(_hash_file)]
"""A file that holds one argon2id hash."""
KeyFile = Annotated[Path, AfterValidator(beside_the_settings), AfterValidator(_key_file)]
"""A file that holds 32 random bytes or more."""
CaFile = Annotated[Path, AfterValidator(beside_the_settings), AfterValidator(_certificates)]
"""A file of CA certificates in PEM form."""
TextFile = Annotated[Path, AfterValidator(beside_the_settings), AfterValidator(_text_file)]
"""A readable file without secrets."""
