"""The linear canonical forms against the RFC's rules followed line by line."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from probes.dkim_canonical import relaxed_body, relaxed_field, simple_body
from tests.probes.signer import reference_body, reference_field

pieces = st.lists(
    st.sampled_from([b" ", b"  ", b"\t", b"\r\n", b"\r", b"\n", b"a", b"\x00", b" \r\n", b"\xff"])
)
bodies = pieces.map(b"".join)


@given(bodies)
@example(b"")
@example(b"\r\n\r\n")
@example(b" ")
@example(b"a \t")
@example(b"a\n\r\n\r\n")
@settings(max_examples=2000, deadline=None)
def test_the_relaxed_body_equals_the_rule_by_rule_form(body: bytes) -> None:
    assert relaxed_body(body) == reference_body(body, "relaxed")


@given(bodies)
@example(b"")
@example(b"\r\n")
@example(b"a\r\r\n\r\n")
@settings(max_examples=2000, deadline=None)
def test_the_simple_body_equals_the_rule_by_rule_form(body: bytes) -> None:
    assert simple_body(body) == reference_body(body, "simple")


@given(st.lists(st.sampled_from([b" ", b"\t", b"\r\n ", b"\r\n\t", b"a", b":", b"\xff"])))
def test_a_relaxed_field_equals_the_rule_by_rule_form(parts: list[bytes]) -> None:
    body = b"".join(parts) + b"\r\n"
    name, value = relaxed_field(b"Subject ", body)
    assert name + b":" + value == reference_field(b"Subject :" + body, "relaxed")


def test_the_examples_of_rfc_6376_section_3_4_5_come_out_as_printed() -> None:
    body = b" C \r\nD \t E\r\n\r\n\r\n"
    assert relaxed_body(body) == b" C\r\nD E\r\n"
    assert simple_body(body) == b" C \r\nD \t E\r\n"
    assert relaxed_field(b"A", b" X\r\n") == (b"a", b"X\r\n")
    assert relaxed_field(b"B ", b" Y\t\r\n\tZ  \r\n") == (b"b", b"Y Z\r\n")
