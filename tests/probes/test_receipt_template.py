from __future__ import annotations

import time
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

import pytest

from probes.receipt import (
    LANGUAGES,
    Receipt,
    Template,
    TemplateError,
    compose,
    load_template,
)
from probes.token import candidates, mint

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

SEED = "seed.one@mail.test"
TOKEN = mint(b"k" * 32, "4K7M2QZZZZZZ", SEED)
NUMBER = "{{ order_number }}"


def sent(template: Template, language: str = "en", shop: str = "Shop") -> EmailMessage:
    composed: Receipt = compose(
        token=TOKEN,
        sender=f"{shop} <orders@shop.test>",
        recipient=SEED,
        now=datetime(2026, 11, 21, tzinfo=UTC),
        language=language,
        template=template,
    )
    assert composed.template == template.name
    return message_from_bytes(composed.message, policy=default)


def text_file(folder: Path, source: str, name: str = "receipt.txt") -> Path:
    path = folder / name
    path.write_text(source, encoding="utf-8")
    return path


ALL_VARIABLES = """\
Hello, order {{ order_number }} of {{ order_date }} at {{ shop_name }} ({{ shop_address }})
for {{ customer_address|upper }}, {{ language }} {{ direction }} {{ mark }}
{% for item in items if item.quantity %}
{{ loop.index }}. {{ item.quantity }} {{ item.name|title }} {{ item.price }} {{ item.amount }}
{% else %}
nothing
{% endfor %}
{% if shipping is defined and not currency == "XYZ" %}{{ shipping }}{% endif %}
{{ subtotal }} {{ total }} {{ words.thanks }} {{ 'a' if direction == 'rtl' else 'b' }}
{# a comment #}{% raw %}{{ kept }}{% endraw %}
"""


def test_a_template_may_use_every_variable_in_every_language(tmp_path: Path) -> None:
    template = load_template(text=text_file(tmp_path, ALL_VARIABLES))
    for language in LANGUAGES:
        text = sent(template, language).get_content()
        assert list(candidates(text)) == [TOKEN]
        assert "SEED.ONE@MAIL.TEST" in text
        assert "{{ kept }}" in text


def test_a_text_and_an_html_file_make_alternatives(tmp_path: Path) -> None:
    template = load_template(
        text=text_file(tmp_path, f"Order {NUMBER}"),
        html=text_file(tmp_path, f"<p>Order {NUMBER}</p>", "receipt.html"),
        subject=f"  Your {NUMBER}\n",
    )
    message = sent(template)
    assert message.get_content_type() == "multipart/alternative"
    assert message["Subject"].startswith("Your ")


@pytest.mark.parametrize(("kind", "subtype"), [("text", "plain"), ("html", "html")])
def test_one_file_makes_a_message_of_one_part(tmp_path: Path, kind: str, subtype: str) -> None:
    path = text_file(tmp_path, f"Order {NUMBER}\n")
    template = load_template(text=path) if kind == "text" else load_template(html=path)
    assert sent(template).get_content_type() == f"text/{subtype}"


def test_values_are_escaped_in_html_and_left_alone_in_text(tmp_path: Path) -> None:
    source = f"{NUMBER} {{{{ shop_name }}}} {{{{ shop_name|isolate }}}}"
    template = load_template(
        text=text_file(tmp_path, source), html=text_file(tmp_path, source, "r.html")
    )
    message = sent(template, shop="Tea & 'Bread'")
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert "Tea & 'Bread' Tea & 'Bread'" in text.get_content()
    escaped = "Tea &amp; &#39;Bread&#39;"
    assert f"{escaped} <bdi>{escaped}</bdi>" in html.get_content()


def test_a_file_of_one_long_line_is_sent_in_short_ones(tmp_path: Path) -> None:
    html = text_file(tmp_path, f"<p>{NUMBER}</p>" + "<i>ä</i>" * 5_000, "long.html")
    composed = compose(
        token=TOKEN,
        sender="orders@shop.test",
        recipient=SEED,
        now=datetime(2026, 11, 21, tzinfo=UTC),
        template=load_template(html=html),
    )
    assert max(map(len, composed.message.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("Dear customer,\nno number here", "does not show {{ order_number }}"),
        ("{% if language == 'en' %}{{ order_number }}{% endif %}", "does not show"),
        ("line one\n{{ order_numbr }}", "line 2: there is no variable order_numbr"),
        (f"{NUMBER}\n\n{{% for item in items %}}\n{{{{ item.nmae }}}}{{% endfor %}}", "line 4: "),
        (f"{NUMBER}\n{{{{ total|nosuch }}}}", "line 2: "),
        (f"{NUMBER}\n{{% if %}}", "line 2: "),
        (f"{NUMBER} {{{{ ''.__class__.__mro__ }}}}", "line 1: "),
        (f"{NUMBER} {{{{ items.__class__ }}}}", "line 1: "),
        (f"{NUMBER} {{{{ range(10) }}}}", "line 1: "),
        (f"{NUMBER} {{{{ 'a' * 1000000000 }}}}", "Mul is not allowed"),
        (f"{NUMBER} {{{{ 2 ** 99999999 }}}}", "Pow is not allowed"),
        (f"{NUMBER} {{{{ total ~ total }}}}", "Concat is not allowed"),
        (f"{NUMBER} {{{{ total|center(1000000000) }}}}", "the filter center is not among"),
        (f"{NUMBER} {{{{ words.greeting.format(1) }}}}", "Call is not allowed"),
        (f"{NUMBER} {{% set a = 1 %}}", "Assign is not allowed"),
        (f"{NUMBER} {{% macro m() %}}{{% endmacro %}}", "Macro is not allowed"),
        (f"{NUMBER} {{% include '/etc/passwd' %}}", "Include is not allowed"),
        (f"{NUMBER} {{% import 'os' as os %}}", "Import is not allowed"),
        (f"{NUMBER} {{% for a in order_number %}}{{% endfor %}}", "the only loop is"),
        (
            f"{NUMBER} {{% for a in items %}}{{% for b in items %}}{{% endfor %}}{{% endfor %}}",
            "a loop inside a loop",
        ),
        (f"{NUMBER} \0", "control characters"),
        (NUMBER + "x" * 65_536, "longer than 64 KiB"),
        ("{{ " + "(" * 20_000, "too deep"),
        (NUMBER + "{% if total %}" * 150 + "{% endif %}" * 150, "nested too deep"),
        (NUMBER + "{{ " + "not " * 400 + "total }}", "too deep"),
        (f"{NUMBER} {{{{ {'9' * 10_000} }}}}", "number too long"),
    ],
)
def test_a_bad_template_is_refused_with_file_line_and_reason(
    tmp_path: Path, source: str, complaint: str
) -> None:
    started = time.monotonic()
    with pytest.raises(TemplateError) as refusal:
        load_template(text=text_file(tmp_path, source))
    assert time.monotonic() - started < 5
    sentence = str(refusal.value)
    assert sentence.startswith("receipt")
    assert complaint in sentence
    assert sentence.endswith(".")
    assert len(sentence) < 300


@pytest.mark.parametrize(
    ("subject", "complaint"),
    [
        ("Your order", "subject: it does not show"),
        (f"{NUMBER} " + "x" * 400, "subject: it must be one line"),
        (f"{NUMBER} {{{{ nothing }}}}", "subject, line 1: there is no variable nothing"),
        (f"{NUMBER} \x1b[31m", "subject: it must be one line"),
    ],
)
def test_a_bad_subject_is_refused(tmp_path: Path, subject: str, complaint: str) -> None:
    with pytest.raises(TemplateError) as refusal:
        load_template(text=text_file(tmp_path, NUMBER), subject=subject)
    assert complaint in str(refusal.value)


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"gone\.txt: it cannot be read"):
        load_template(text=tmp_path / "gone.txt")
    (tmp_path / "latin.txt").write_bytes(b"\xe9")
    with pytest.raises(TemplateError, match=r"latin\.txt: it cannot be read as UTF-8"):
        load_template(text=tmp_path / "latin.txt")
    with pytest.raises(TemplateError, match="a text file, an HTML file or both"):
        load_template()


def test_the_heaviest_template_allowed_renders_within_seconds(tmp_path: Path) -> None:
    loop = "{% for i in items %}{{ i.name|upper|title|lower }}{% endfor %}"
    source = f"{NUMBER} " + loop * ((65_500 - len(NUMBER)) // len(loop))
    template = load_template(text=text_file(tmp_path, source))
    started = time.monotonic()
    assert TOKEN in candidates(sent(template).get_content())
    assert time.monotonic() - started < 10
