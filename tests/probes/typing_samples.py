"""Domains as customers type them: wrong ones with what was meant, and right ones that stay."""

from __future__ import annotations

MEANT = {
    "gmail.com": """
        gmial.com gamil.com gmil.com gmal.com gmai.com gmali.com gnail.com gmaill.com ggmail.com
        gmmail.com gmaiil.com gmail.con gmail.cmo gmail.ocm gmail.comm gmail.coom gmail.vom
        gmail.xom gmail.cpm gmail.cim gmail.clm gmail.c gmail.co gmail.cm gmail.om gmail.comn
        gmail.como gmail.coma gmailcom gmail,com gmail..com gmail.com. gmail.com, .gmail.com
        gmail.com.com gmail.comcom gmail;com gmail/com @gmail.com www.gmail.com
        mail.gmail.com gmail.fr gmail.de gmail.net gmail.org gmail.co.uk gmail.com.br gmai1.com
        gma1l.com gmaıl.com gmàil.com gmail.c0m gmal.con gmial.con gamil.cmo hmail.con gmaul.com
        gmaik.com gmqil.com gmsil.com gmwil.com gjail.com gmailcim gmialcom grnail.com gmail
        GMIAL.COM Gmail.Con gmail.comgmail gmail.ccom gmail.cok gmail.dom gmail.fom gmeil.com
    """,
    "hotmail.com": """
        hotmial.com hotamil.com hotmal.com hotmai.com hotmil.com hotmali.com hotnail.com
        hotmaill.com homtail.com htomail.com hormail.com hitmial.com hotmail.con hotmail.cm
        hotmail.co hotmail.comm hotmail.cmo hotmail.xom hotmailcom hotmail,com hotmail.com.com
        h0tmail.com hotma1l.com jotmail.com otmail.com hoitmail.com hotmaik.com hotmsil.com
        hotmai.con hotmial.cmo hotmail.c hottmail.com hotmaıl.com hornail.com hotmeil.com
        www.hotmail.com hotmail
    """,
    "yahoo.com": """
        yaho.com yahooo.com yhoo.com yaoo.com yhaoo.com yahho.com tahoo.con uahoo.com yajoo.com
        yahoo.con yahoo.cm yahoo.cmo yahoo.comm yahoo.xom yahoo.om yahoocom yahoo,com yahoo.com.com
        yah00.com yaho0.com yahoo.net yahoo.org yahoo.c yahpo.com ayhoo.com yaoho.com yahooo.con
        wwww.yahoo.com yahoo
    """,
    "outlook.com": """
        outlok.com outloo.com outllok.com oulook.com outook.com otulook.com outlool.com outlookk.com
        outloook.com outlook.con outlook.cm outlook.co outlook.comm outlookcom outlook,com
        0utlook.com outl00k.com oultook.com outluk.com outlook.cmo putlook.com outlook.om
    """,
    "icloud.com": """
        iclod.com icoud.com iclould.com icluod.com iclou.com icloude.com icolud.com iclound.com
        icloud.con icloud.co icloud.cm icloud.comm icloudcom icloud,com lcloud.com 1cloud.com
        icloud.de icloud.xom
    """,
    "aol.com": "aol.con aol.cm aol.co aol.comm aolcom aol,com aool.com aoll.com aol.com. aol.cmo",
    "live.com": "live.con live.cm live.comm livecom live,com liev.com",
    "msn.com": "msn.con msn.cm msn.comm msncom mns.con",
    "comcast.net": "comcast.ne comcast.ner comcas.net comcats.net comast.net comcst.net",
    "hotmail.co.uk": "hotmail.co.k hotmail.couk hotmial.co.uk hotmail.co.ku hotmail.co,uk",
    "yahoo.co.uk": "yahoo.co.ku yahoo.couk yaho.co.uk yahooo.co.uk yahoo.co.u",
    "hotmail.fr": "hotmial.fr hotmail.frr homtail.fr",
    "web.de": "web.d web.dee webde wbe.de",
    "gmx.de": "gmx.dee gmxde gxm.de",
    "t-online.de": "t-onlin.de t-oline.de t-online.dee",
    "btinternet.com": "btinternet.con btinternt.com btinterent.com btintenet.com btinternett.com",
    "sbcglobal.net": "sbcglobal.ner sbcgloba.net sbcglobl.net sbcgobal.net",
    "verizon.net": "verizon.ne verzon.net verizion.net",
    "bellsouth.net": "bellsouth.ne belsouth.net bellsoth.net",
    "protonmail.com": "protonmial.com protonmai.com protonmail.con prtonmail.com",
    "earthlink.net": "earthlnk.net earthlink.ne eathlink.net",
    "mail.ru": "mail.r mail.rru",
    "mail.com": "mail.con mail.comm mail,com",
    "att.net": "att.ne att.ner",
    "orange.fr": "ornage.fr orange.frr",
    "libero.it": "libreo.it libero.i",
    "yandex.ru": "yandx.ru yadnex.ru",
}

RIGHT = """
    gmail.com googlemail.com hotmail.com hotmail.co.uk hotmail.fr hotmail.de hotmail.it hotmail.es
    hotmail.nl hotmail.be hotmail.ca hotmail.se hotmail.com.br hotmail.com.ar hotmail.com.tr
    outlook.com outlook.fr outlook.de outlook.es outlook.it outlook.pt outlook.com.br outlook.ie
    live.com live.nl live.fr live.co.uk live.de live.it live.be live.ca live.se live.com.mx msn.com
    windowslive.com passport.com yahoo.com yahoo.fr yahoo.de yahoo.it yahoo.es yahoo.ca yahoo.in
    yahoo.co.uk yahoo.co.jp yahoo.co.in yahoo.co.id yahoo.com.br yahoo.com.ar yahoo.com.mx
    yahoo.com.au yahoo.com.sg ymail.com rocketmail.com myyahoo.com aol.com aol.de aol.fr aol.co.uk
    aim.com icloud.com me.com mac.com mail.com email.com usa.com post.com mail.ru bk.ru list.ru
    inbox.ru inbox.com inbox.lv ya.ru yandex.ru yandex.com rambler.ru gmx.com gmx.de gmx.net gmx.at
    gmx.ch gmx.us gmx.fr web.de t-online.de freenet.de arcor.de posteo.de mailbox.org mail.de
    email.de online.de proton.me protonmail.com protonmail.ch pm.me tuta.com tutanota.com hey.com
    fastmail.com fastmail.fm zoho.com zoho.eu hushmail.com runbox.com pobox.com comcast.net cox.net
    charter.net earthlink.net juno.com netzero.net att.net sbcglobal.net bellsouth.net verizon.net
    optonline.net frontier.com q.com rogers.com bell.net shaw.ca telus.net sympatico.ca
    btinternet.com sky.com virginmedia.com talktalk.net orange.fr wanadoo.fr free.fr sfr.fr
    laposte.net neuf.fr libero.it alice.it tin.it virgilio.it tiscali.it telenet.be skynet.be
    ziggo.nl kpnmail.nl planet.nl home.nl seznam.cz centrum.cz email.cz wp.pl o2.pl onet.pl op.pl
    interia.pl abv.bg ukr.net i.ua freemail.hu walla.co.il walla.com netvision.net.il bezeqint.net
    chmail.ir rediffmail.com naver.com daum.net hanmail.net 163.com 126.com qq.com foxmail.com
    sina.com uol.com.br bol.com.br terra.com.br ig.com.br bigpond.com optusnet.com.au xtra.co.nz
    docomo.ne.jp ezweb.ne.jp nifty.com tampabay.rr.com poczta.onet.pl
"""
"""Mailbox providers' own."""

LESSER_KNOWN = """
    mail.az mail.be mail.by mail.gr mail.md mail.nu mail.pt mail.co.za mail15.com web.dev
    macmail.com mailw.com qmail.com umail.com tmail.com hmail.com fmail.com zmail.com gmail.hu
    gmall.com google.com comcast.com cox.com att.com verizon.com yahoo-inc.com apple.com
    microsoft.com aon.com ao.com alo.com icould.com ecloud.com cloud.com hotmart.com hotmall.com
    outlooks.com online.nl orange.es orange.pl orange.be free.com proton.com photon.com
    yandex-team.ru bund.de ethz.ch mit.edu ox.ac.uk stanford.edu uva.nl tum.de ut.ac.ir tau.ac.il
    kth.se ikea.com bosch.com siemens.com sap.com otto.de dm.de rewe.de lidl.de tesco.com next.co.uk
    nhs.net parliament.uk europa.eu un.org who.int greenpeace.org debian.org kernel.org python.org
    mailgun.com mailchimp.com sendgrid.com shopify.com etsy.com stripe.com paypal.com ebay.com
    bahn.de dhl.de post.at swisscom.ch migros.ch coop.ch orf.at wien.gv.at gov.uk irs.gov nasa.gov
    bbc.co.uk guardian.co.uk lemonde.fr elpais.es corriere.it nrc.nl vrt.be dr.dk svt.se nrk.no
    yle.fi tvp.pl ceska.cz hvg.hu digi24.ro bta.bg ert.gr trt.net.tr haaretz.co.il irna.ir
    petmail.com hotelmail.com outline.com outlaw.com yahtzee.com icloudy.com aolia.com lived.com
    alive.org mailer.com gmelin.de gmaps.com gmaj.com hotmama.com hotmax.com yoho.com wahoo.com
    kahoot.com kahoo.fr webb.de weba.de gmx-shop.de gmc.de libera.it liberi.it freed.fr mailo.fr
    bestmail.us xs.nl zeelandnet.nl solcon.nl tele2.nl caiway.nl telebel.be edpnet.be numericable.be
    xn--bcher-kva.example bücher.example müller.de schön.at почта.рф münchen.de josé.es
    garten-mueller.de joes-garage.co.uk smithandsons.com.au la-boulangerie.fr panaderia-luz.es
    tea.example orders.shop.test mail.shop.test blumen-am-markt.ch 9to5.net 1and1.com 4players.de
"""
"""Real companies', universities' and small providers', some a slip away from a giant."""


BLANKS = (("gmail com", "gmail.com"), ("g mail.com", "gmail.com"), (" yahoo.com ", "yahoo.com"))


def wrong() -> list[tuple[str, str]]:
    """As (typed, meant)."""
    return [*((typed, meant) for meant, all_ in MEANT.items() for typed in all_.split()), *BLANKS]


def right() -> list[str]:
    return [*RIGHT.split(), *LESSER_KNOWN.split()]
