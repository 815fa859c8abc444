"""Receipts in the manner of the shop systems of the world, and mail that is no receipt."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.intake.orders.terms import OrderTerms
from daemon.intake.orders.verdict import Matched
from tests.daemon.intake.orders.wrapping import (
    CUSTOMER,
    html,
    in_base64,
    in_quoted_printable,
    in_two_words,
    linked,
    message,
    mixed,
    nested,
    part,
    text,
)

HEADER, LINKED, MARKED = Matched.HEADER, Matched.LINKED_DATA, Matched.MICRODATA
SUBJECT, BODY = Matched.SUBJECT, Matched.BODY


@dataclass(frozen=True)
class Receipt:
    raw: bytes
    number: str
    by: Matched
    customer: str | None = CUSTOMER
    terms: OrderTerms = field(default_factory=OrderTerms)


WOO_PAGE = """<!DOCTYPE html><html><head><style>td{color:#333}</style></head><body>
<div id="wrapper"><h1>Thank you for your order</h1><p>Hi Jane,</p>
<p>Just to let you know &mdash; we&#8217;ve received your order #4711, and it is being
processed:</p>
<h2><a href="https://shop.test/o/4711?k=wc_order_9981">[Order #4711]</a> (November 20, 2026)</h2>
<table><tr><th>Product</th><th>Quantity</th><th>Price</th></tr>
<tr><td>Lamp (#3)</td><td>1</td><td>&euro;25.00</td></tr></table></div></body></html>"""

WOO_TEXT = """= Thank you for your order =

Hi Jane,
Just to let you know — we've received your order #4712, and it is now being processed:

[Order #4712] (November 20, 2026)
Lamp × 1 = 25.00
"""

SHOPIFY = """<table><tr><td><h1>My Shop</h1></td><td><span>Order&nbsp;#1001</span></td></tr></table>
<h2>Thank you for your purchase!</h2><p>We're getting your order ready to be shipped.</p>"""

MAGENTO = """<table><tr><td><h1>Thank you for your order!</h1>
<h1>Your Order <span class="no-link">#000000012</span></h1><p>Placed on
<span>20 Nov 2026, 10:00:00</span></p></td></tr></table>"""

PRESTASHOP = """<p>Hi Jane Doe,</p><p>Thank you for shopping with My Shop!</p>
<table><tr><td><strong>Order details</strong></td></tr>
<tr><td>Order: <span>XKBKNABJK</span> placed on 11/20/2026 10:00:00</td></tr>
<tr><td>Payment: Bank wire</td></tr></table>"""

SHOPWARE = """Guten Tag Jane Doe,

vielen Dank für Ihre Bestellung im My Shop (Nummer: 10004) am 20.11.2026.

Bestellnummer: SW-10004
Pos.   Art.Nr.   Beschreibung   Menge   Preis
1      SW10001   Lampe          1       25,00 €
"""

OPENCART = """<p>Thank you for your interest in My Shop products.</p><table>
<thead><tr><td colspan="2">Order Details</td></tr></thead>
<tbody><tr><td><b>Order ID:</b> 25<br /><b>Date Added:</b> 20/11/2026<br />
<b>Payment Method:</b> Cash On Delivery<br /></td><td><b>Telephone:</b> 1234567890</td></tr>
</table>"""

PERSIAN = """<div dir="rtl" style="font-family:Tahoma"><h1>از خرید شما سپاسگزاریم</h1>
<p>سلام ژاله، سفارش شما با شماره ‎۱۲۳۴۵‎ دریافت شد و در حال پردازش است.</p>
<p>مبلغ: ۲۵۰٬۰۰۰ تومان</p></div>"""

ARABIC = """مرحبا،

شكراً لطلبك من متجرنا.
رقم الطلب: ٩٨٧٦٥
التاريخ: ٢٠/١١/٢٠٢٦
"""

HEBREW = """<div dir="rtl"><p>שלום, תודה שקנית אצלנו!</p>
<p>מספר הזמנה: <b>\u206655501\u2069</b></p><p>סכום: 250 ₪</p></div>"""

ORDER_DATA = """{"@context": "http://schema.org", "@type": "Order", "orderNumber": "A-2026-77",
"merchant": {"@type": "Organization", "name": "My Shop"}, "priceCurrency": "EUR", "price": "25.00",
"customer": {"@type": "Person", "name": "Jane Doe", "email": "jane.doe@customer.test"},
"acceptedOffer": {"@type": "Offer", "price": "24.00", "priceCurrency": "EUR"}}"""

PARCEL_DATA = """{"@context": "https://schema.org", "@type": "ParcelDelivery",
"trackingNumber": "3453291231", "partOfOrder": {"@type": "Order", "orderNumber": 17617,
"merchant": {"@type": "Organization", "name": "My Shop"}}}"""

INVOICE_DATA = """[{"@context": "https://schema.org", "@type": ["Thing", "Invoice"],
"accountId": "xxxx-1234", "totalPaymentDue": {"price": "4.00", "priceCurrency": "EUR"},
"referencesOrder": [{"@type": "Order", "orderNumber": "#112233", "customer": []}]}]"""

GRAPH_DATA = """<!-- {"@context": "https://schema.org", "@graph": [{"@type": "WebPage"},
{"@type": "https://schema.org/Order", "orderNumber": "G-9"}]} -->"""

ONE_LINE = (
    "<html><body><table>"
    + "<tr><td style='padding:0 4px'>Some row of a large page</td><td>7</td></tr>" * 1000
    + "<tr><td>Order number:</td><td>PHP-70123</td></tr></table></body></html>"
)

MICRODATA = """<div itemscope itemtype="http://schema.org/Order">
<meta itemprop="orderNumber" content="M-31337"/><span itemprop="price">4</span></div>
<p>Thanks</p>"""

MICRODATA_SHOWN = (
    "<div itemscope itemtype='http://schema.org/Order'>Number "
    "<b itemprop='orderNumber'>M&#45;42</b></div>"
)

OWN = OrderTerms(
    number=(r"Ref\.? (K\d+)", r"(?P<number>Z\d+) for (?P<customer>\S+)"),
    customer=(r"Account: (\S+@\S+)",),
)

RECEIPTS: dict[str, Receipt] = {
    "X-Order-ID": Receipt(
        message("Order #1", "X-Order-ID: 100045", subject="Order #2"), "100045", HEADER
    ),
    "X-Order-ID, folded and with its #": Receipt(
        message("Thanks", "X-ORDER-ID:\r\n #100046"), "100046", HEADER
    ),
    "a header field of the shop's own": Receipt(
        message("Thanks", "X-Magento-Order-Id: 000000012"),
        "000000012",
        HEADER,
        terms=OrderTerms(headers=("X-Magento-Order-Id",)),
    ),
    "WooCommerce, HTML": Receipt(html(WOO_PAGE, "Your My Shop order has been received!"), "4711",
                                 BODY),
    "WooCommerce, plain text": Receipt(text(WOO_TEXT), "4712", BODY),
    "WooCommerce, subject": Receipt(text("See inside.", "[My Shop]: New order #4713"), "4713",
                                    SUBJECT),
    "Shopify": Receipt(html(SHOPIFY), "1001", BODY),
    "Shopify, subject": Receipt(html("<p>Hi</p>", "Order #1002 confirmed"), "1002", SUBJECT),
    "Magento": Receipt(html(MAGENTO, "Your My Shop order confirmation"), "000000012", BODY),
    "PrestaShop": Receipt(html(PRESTASHOP, "[My Shop] Order confirmation"), "XKBKNABJK", BODY),
    "Shopware": Receipt(text(SHOPWARE, "Ihre Bestellung im My Shop"), "SW-10004", BODY),
    "OpenCart": Receipt(html(OPENCART, "My Shop"), "25", BODY),
    "OpenCart, subject": Receipt(text("Thanks.", "My Shop - Order 20117"), "20117", SUBJECT),
    "a marketplace": Receipt(
        text("Hello", "Your order 305-1234567-7654321 has been received"),
        "305-1234567-7654321",
        SUBJECT,
    ),
    "Dutch": Receipt(text("Bedankt! Uw bestelling nr. 20260042 is geplaatst."), "20260042", BODY),
    "French": Receipt(
        text("Merci.\nVotre commande n° FR-0815 du 20/11/2026 est confirmée."), "FR-0815", BODY
    ),
    "Spanish": Receipt(html("<p>N&uacute;mero de pedido: <b>ES99871</b></p>"), "ES99871", BODY),
    "Persian": Receipt(html(PERSIAN, "=?UTF-8?B?2LHYs9uM2K8=?="), "12345", BODY),
    "Arabic": Receipt(text(ARABIC), "98765", BODY),
    "Hebrew": Receipt(html(HEBREW), "55501", BODY),
    "Persian, subject in encoded words": Receipt(
        text("با سپاس", in_two_words("سفارش شماره ۲۰۲۰")),
        "2020",
        SUBJECT,
    ),
    "JSON-LD Order": Receipt(
        html(linked(ORDER_DATA, "Order #5")), "A-2026-77", LINKED, "jane.doe@customer.test"
    ),
    "JSON-LD ParcelDelivery": Receipt(html(linked(PARCEL_DATA)), "17617", LINKED),
    "JSON-LD Invoice in an array": Receipt(html(linked(INVOICE_DATA)), "112233", LINKED),
    "JSON-LD graph in a comment": Receipt(html(linked(GRAPH_DATA)), "G-9", LINKED),
    "JSON-LD with its quotes escaped": Receipt(
        html(linked(ORDER_DATA.replace('"', "&quot;"))),
        "A-2026-77",
        LINKED,
        "jane.doe@customer.test",
    ),
    "microdata": Receipt(html(MICRODATA), "M-31337", MARKED),
    "microdata, shown": Receipt(html(MICRODATA_SHOWN), "M-42", MARKED),
    "one line of 70 KB": Receipt(html(ONE_LINE), "PHP-70123", BODY),
    "one line of 70 KB, quoted-printable": Receipt(in_quoted_printable(ONE_LINE), "PHP-70123",
                                                   BODY),
    "a soft break within the number": Receipt(
        message(
            "<p>Your order number is 20=\n26=30=\n0042.</p>",
            "Content-Type: text/html; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
        ),
        "202600042",
        BODY,
    ),
    "base64": Receipt(in_base64(WOO_TEXT, "text/plain"), "4712", BODY),
    "base64 of JSON-LD": Receipt(
        in_base64(linked(ORDER_DATA)), "A-2026-77", LINKED, "jane.doe@customer.test"
    ),
    "Windows-1256": Receipt(
        in_base64("<p>رقم الطلب 5544</p>", charset="windows-1256"), "5544", BODY
    ),
    "ISO-8859-8-I": Receipt(
        message(
            "מספר הזמנה 8891".encode("iso-8859-8"), "Content-Type: text/plain; charset=iso-8859-8-i"
        ),
        "8891",
        BODY,
    ),
    "8-bit without a word about it": Receipt(message(SHOPWARE), "SW-10004", BODY),
    "alternative": Receipt(
        mixed(part(WOO_TEXT, "text/plain; charset=utf-8"), part("<p>Hi</p>", "text/html")),
        "4712",
        BODY,
    ),
    "alternative, the number in HTML only": Receipt(
        mixed(part("See the HTML.", "text/plain"), part(WOO_PAGE, "text/html; charset=utf-8")),
        "4711",
        BODY,
    ),
    "alternative, JSON-LD goes before the text": Receipt(
        mixed(
            part("Order #999", "text/plain"), part(linked(ORDER_DATA), "text/html; charset=utf-8")
        ),
        "A-2026-77",
        LINKED,
        "jane.doe@customer.test",
    ),
    "mixed, related, alternative": Receipt(
        mixed(
            nested(
                nested(
                    part("Hello", "text/plain"),
                    part(MAGENTO, "text/html"),
                    kind="alternative",
                    boundary="in=ner",
                ),
                part("R0lGOD", "image/gif", "Content-Transfer-Encoding: base64"),
                kind="related",
                boundary="inner",
            ),
            part("%PDF Order #31", "application/pdf", "Content-Disposition: attachment"),
            kind="mixed",
        ),
        "000000012",
        BODY,
    ),
    "forwarded as an attachment": Receipt(
        mixed(
            part("For your records.", "text/plain"),
            part(html(SHOPIFY, to="else@else.test"), "message/rfc822"),
            kind="mixed",
        ),
        "1001",
        BODY,
    ),
    "forwarded twice": Receipt(
        mixed(
            part("FYI", "text/plain"),
            part(
                mixed(part(text("x", "Order #1002 confirmed"), "message/rfc822"), kind="mixed",
                      boundary="b2"),
                "message/rfc822",
            ),
            kind="mixed",
        ),
        "1002",
        SUBJECT,
    ),
    "the shop's own pattern": Receipt(
        text("Order #12\nRef. K77\nAccount: <joe@else.test>"), "K77", BODY, "joe@else.test", OWN
    ),
    "the shop's own pattern with both groups": Receipt(
        text("Hello", "Z5 for ann@else.test is here"), "Z5", SUBJECT, "ann@else.test", OWN
    ),
}  # fmt: skip

NO_RECEIPTS: dict[str, bytes] = {
    "password reset": text(
        "Somebody asked for a new password. Your code is 123456. It is valid in order to log in "
        "until 20.11.2026.",
        "Reset your password",
    ),
    "newsletter": html(
        "<h1>Black Friday</h1><p>Order 2 and pay 1! Order now: 20% off. Order before 12/24/2026."
        "</p><p>Order online, call 0800 123456 or order by 24 December.</p><p>#1 in town</p>",
        "Order today, save 50",
    ),
    "shipping notice": text(
        "Your parcel is on its way.\nTracking number: 1Z999AA10123456784\nWeight: 2 kg\n"
        "It holds part of your order.",
        "Your parcel has been shipped",
    ),
    "shipping notice with a tracking number in JSON-LD": html(
        linked('{"@type": "ParcelDelivery", "trackingNumber": "3453291231"}')
    ),
    "several orders": text("Your orders this year: Order #1001, Order #1002 and Order #1003."),
    "several orders in JSON-LD": html(
        linked('[{"@type":"Order","orderNumber":"1"},{"@type":"Order","orderNumber":"2"}]')
    ),
    "another type with an orderNumber": html(linked('{"@type":"Product","orderNumber":"SKU-88"}')),
    "an offer": html(linked('{"@type":"Offer","price":"12.00","sku":"998877"}')),
    "invoice": text("Invoice number: 2026-0815\nCustomer number: 4711\nAmount: 25.00 EUR"),
    "a customer's purchase order": text("Regarding your purchase order #55123: we have questions."),
    "a form to fill in": text("Please have your order number ready.\nOrder number: ________\n"),
    "an amount": text("Order total: 25.00\nOrder date: 2026-11-20\nOrder quantity: 12"),
    "a date in place of a number": text("Order no.: 20.11.2026"),
    "a price in place of a number": text("Order #: 25.00"),
    "a border": text("Passport and border number 12345; recorder no. 555."),
    "account created": html("<p>Welcome Jane, your user name is jane-1988.</p>", "Welcome!"),
    "contact form": text("Name: Joe\nPhone: 555 1234\nMessage: in order of 100 pieces, how much?"),
    "a vote": text("Law and order: 51 votes for number 4, 49 against."),
    "Persian newsletter": text("جشنواره تخفیف: ۵۰ درصد تا ۱۴۰۵/۰۹/۰۱ - همین حالا سفارش دهید"),
    "Arabic code": text("رمز التحقق: ٤٥٦٧٨٩. اطلب الآن"),
    "Hebrew appointment": text("הפגישה שלך ביום 20.11 בשעה 10:30. מספר טלפון 03-5551234"),
    "German parcel": text("Sendungsnummer: 00340434161094042557\nKundennummer: 12345"),
    "only an attachment": mixed(
        part("Please see the attached file.", "text/plain"),
        part("Order #4711", "text/plain", "Content-Disposition: attachment; filename=o.txt"),
        kind="mixed",
    ),
    "hidden in a style and a comment": html(
        "<style>/* Order #55 */</style><!-- Order #56 --><script>Order #57</script><p>Hi</p>"
    ),
    "a number that was pasted together": message(
        "Thanks", "X-Order-ID: 12\u202e34", "Content-Type: text/plain"
    ),
    "a number too long": message("Thanks", f"X-Order-ID: {'7' * 65}"),
    "nothing": b"",
}
