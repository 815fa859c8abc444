"""Domains that customers' mailboxes are at, those that are mistaken for them, and squats.

Data only. What stands in `GIANTS`, `POPULAR` or `NEIGHBOURS` is never called a typing error.
"""

from __future__ import annotations

GIANTS = (
    *("gmail.com", "hotmail.com", "yahoo.com", "outlook.com", "icloud.com", "aol.com"),
    *("live.com", "msn.com", "googlemail.com", "protonmail.com", "comcast.net"),
    *("hotmail.co.uk", "yahoo.co.uk", "hotmail.fr", "yahoo.fr", "hotmail.it", "yahoo.de"),
    *("gmx.de", "web.de", "mail.ru", "yandex.ru", "proton.me"),
)
"""The most popular first: of two that a slip is equally near to, the first is meant."""

POPULAR = (
    *("att.net", "bellsouth.net", "sbcglobal.net", "verizon.net", "cox.net", "charter.net"),
    *("earthlink.net", "juno.com", "optonline.net", "optimum.net", "frontier.com"),
    *("frontiernet.net", "windstream.net", "centurylink.net", "embarqmail.com", "q.com"),
    *("suddenlink.net", "mchsi.com", "tampabay.rr.com", "nc.rr.com", "hawaii.rr.com"),
    *("rogers.com", "bell.net", "sympatico.ca", "shaw.ca", "telus.net", "videotron.ca"),
    *("cogeco.ca", "eastlink.ca", "sasktel.net", "mts.net"),
    *("btinternet.com", "btopenworld.com", "sky.com", "virginmedia.com", "virgin.net"),
    *("ntlworld.com", "blueyonder.co.uk", "talktalk.net", "tiscali.co.uk", "o2.co.uk"),
    *("plusnet.com", "eircom.net", "orange.net", "tesco.net", "zen.co.uk"),
    *("orange.fr", "wanadoo.fr", "free.fr", "sfr.fr", "laposte.net", "neuf.fr"),
    *("bbox.fr", "numericable.fr", "club-internet.fr", "aliceadsl.fr", "cegetel.net"),
    *("t-online.de", "freenet.de", "arcor.de", "posteo.de", "mailbox.org", "vodafone.de"),
    *("online.de", "onlinehome.de", "mail.de", "email.de", "unitybox.de", "kabelmail.de"),
    *("gmx.net", "gmx.at", "gmx.ch", "gmx.com", "bluewin.ch", "hispeed.ch", "sunrise.ch"),
    *("aon.at", "chello.at", "a1.net", "drei.at", "liwest.at"),
    *("libero.it", "virgilio.it", "alice.it", "tin.it", "tiscali.it", "fastwebnet.it"),
    *("inwind.it", "iol.it", "email.it", "vodafone.it", "poste.it", "pec.it"),
    *("telefonica.net", "terra.es", "ono.com", "movistar.es", "orange.es", "ya.com"),
    *("sapo.pt", "netcabo.pt", "clix.pt", "mail.telepac.pt"),
    *("ziggo.nl", "kpnmail.nl", "planet.nl", "xs4all.nl", "hetnet.nl", "home.nl"),
    *("upcmail.nl", "chello.nl", "casema.nl", "zonnet.nl", "quicknet.nl", "telfort.nl"),
    *("telenet.be", "skynet.be", "proximus.be", "scarlet.be", "voo.be"),
    *("telia.com", "bredband.net", "spray.se", "comhem.se", "tele2.se", "online.no"),
    *("broadpark.no", "mail.dk", "stofanet.dk", "jubii.dk", "elisanet.fi", "kolumbus.fi"),
    *("suomi24.fi", "luukku.com", "saunalahti.fi"),
    *("seznam.cz", "centrum.cz", "email.cz", "post.cz", "volny.cz", "atlas.cz"),
    *("azet.sk", "zoznam.sk", "centrum.sk", "post.sk", "stonline.sk"),
    *("wp.pl", "o2.pl", "onet.pl", "interia.pl", "op.pl", "gazeta.pl", "vp.pl", "tlen.pl"),
    *("poczta.onet.pl", "poczta.fm", "freemail.hu", "citromail.hu", "t-online.hu", "indamail.hu"),
    *("abv.bg", "mail.bg", "dir.bg", "ukr.net", "i.ua", "meta.ua", "rambler.ru", "inbox.lv"),
    *("mail.ee", "one.lt", "siol.net", "net.hr", "inet.hr", "otenet.gr", "forthnet.gr"),
    *("hol.gr", "in.gr", "mynet.com", "superonline.com", "ttmail.com"),
    *("walla.co.il", "walla.com", "bezeqint.net", "netvision.net.il", "012.net.il"),
    *("013net.net", "zahav.net.il", "inter.net.il"),
    *("chmail.ir", "emirates.net.ae", "eim.ae", "maktoob.com", "link.net", "tedata.net.eg"),
    *("rediffmail.com", "sify.com", "indiatimes.com", "vsnl.com", "singnet.com.sg"),
    *("naver.com", "hanmail.net", "daum.net", "nate.com", "kakao.com"),
    *("docomo.ne.jp", "ezweb.ne.jp", "softbank.ne.jp", "i.softbank.jp", "au.com"),
    *("nifty.com", "biglobe.ne.jp", "so-net.ne.jp", "ocn.ne.jp", "plala.or.jp"),
    *("sina.com", "sohu.com", "139.com", "189.cn", "aliyun.com", "21cn.com"),
    *("pchome.com.tw", "hinet.net", "netvigator.com", "seed.net.tw"),
    *("bigpond.com", "bigpond.net.au", "optusnet.com.au", "iinet.net.au", "tpg.com.au"),
    *("internode.on.net", "westnet.com.au", "dodo.com.au", "adam.com.au", "xtra.co.nz"),
    *("slingshot.co.nz", "vodafone.co.nz", "mweb.co.za", "telkomsa.net", "vodamail.co.za"),
    *("webmail.co.za", "iafrica.com"),
    *("uol.com.br", "bol.com.br", "terra.com.br", "ig.com.br", "globo.com", "globomail.com"),
    *("oi.com.br", "r7.com", "zipmail.com.br", "prodigy.net.mx", "fibertel.com.ar"),
    *("arnet.com.ar", "speedy.com.ar", "ciudad.com.ar", "vtr.net", "une.net.co"),
    *("hey.com", "hushmail.com", "mailfence.com", "runbox.com", "pobox.com", "duck.com"),
    *("startmail.com", "disroot.org", "riseup.net", "lycos.com", "excite.com", "inbox.com"),
    *("usa.net", "rocketmail.com", "privaterelay.appleid.com", "mozmail.com", "relay.firefox.com"),
)
"""Other providers and access providers; what `probes.addressee.providers` names is added."""

NEIGHBOURS = (
    *("qmail.com", "umail.com", "tmail.com", "hmail.com", "fmail.com", "vmail.com", "bmail.com"),
    *("smail.com", "amail.com", "zmail.com", "jmail.com", "xmail.com", "imail.com", "cmail.com"),
    *("nmail.com", "dmail.com", "kmail.com", "rmail.com", "emails.com", "mail.org", "mail.net"),
    *("mailw.com", "mailo.com", "gmail.hu", "gmail.ru", "gmall.com", "google.com"),
    *("hotmart.com", "hotmall.com", "hitmail.com", "outlet.com", "outlooks.com", "ourlook.com"),
    *("cloud.com", "icloud.net", "icould.com", "ecloud.com", "aon.com", "aol.net", "ao.com"),
    *("alo.com", "line.com", "lives.com", "alive.com", "olive.com", "live.org"),
    *("yahoo-inc.com", "comcast.com", "cox.com", "att.com", "verizon.com"),
    *("proton.com", "photon.com", "yandex-team.ru", "mailbox.com", "mailbox.de"),
    *("online.com", "online.nl", "free.com", "orange.com", "orange.es", "orange.pl", "orange.be"),
)
"""Real domains, or such that may be, a slip away from a popular one."""

_SQUATS = {
    "gmail.com": """
        gmial gmai gmil gmal gamil gmaill gmali gnail gmaul gmaik gmaol gmaio gmaim gmqil
        gmsil gimail ggmail gmmail gmaiil gmaail gmeil gmaii gmailc gamail gmiail gmaile
        gmaip gmakl gmajl gmaiol gmajil gmnail gjail gmwil gmzil gmailk gmailo
    """,
    "hotmail.com": """
        hotmial hotmal hotmai hotmil hotmali hotamil hotmaill homtail hotmaul hormail hotnail
        hotmaik htomail hotmaio hotmaol hoitmail homail hotmael hotmeil hotmsil hotmqil
        hootmail hhotmail hptmail hotmaiil hotmailk hotmmail hottmail hotmaail hoymail
    """,
    "yahoo.com": """
        yaho yhoo yahooo yaoo yhaoo yahho yayoo uahoo yajoo yahoi yahop yhahoo yahhoo yaaho yaahoo
        yhaoo yahpo yshoo yqhoo
    """,
    "outlook.com": """
        outlok outlool outloo outllok oulook outlookk outlok outook outluk otulook oultook
        outllook outllok outlouk outloook outlokk ooutlook outlooc putlook outlpok oitlook
    """,
    "icloud.com": """
        iclod icoud iclould icluod iclou iclud icloude iclound icolud icloid iclooud icliud ilcoud
        iicloud iclloud icloudd icloyd
    """,
}

SQUATS = {f"{label}.com": meant for meant, labels in _SQUATS.items() for label in labels.split()}
"""Slips of the five domains that most people use → what was meant.

Such names are registered for the slips: many have a mail exchanger that takes everything. None is
a word, and none gives out mailboxes; only these are called a typing error although they take mail.
"""

NO_TYPING_ERROR = frozenset({"test", "example", "invalid", "local", "localhost", "internal", "lan"})
"""Top-level names that somebody wrote on purpose (RFC 2606, RFC 6762)."""

BRANDS = {
    **{label: f"{label}.com" for label in ("gmail", "hotmail", "yahoo", "outlook", "icloud")},
    **{label: f"{label}.com" for label in ("aol", "msn", "googlemail", "protonmail")},
    "comcast": "comcast.net",
}
"""Names that mean one provider under any ending → its most popular domain."""

SLIPPED_ENDINGS = {"co": "com", "cm": "com", "om": "com", "ne": "net", "et": "net"}
"""Endings that exist (Colombia, Cameroon, Oman, Niger, Ethiopia) and are often a missed key."""
