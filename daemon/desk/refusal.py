"""What a person is told who asks for something that cannot be done."""


class NotDone(Exception):  # noqa: N818 - reads as what it is
    """The action was refused; the text is a sentence for people."""
