"""The settings file: its models, how it is loaded, and what is said when it is wrong."""

from daemon.settings.alerts import Alerts, Contact
from daemon.settings.bounces import Bounces
from daemon.settings.intake import Intake, Listener, ShopIntake
from daemon.settings.loading import load
from daemon.settings.login import Login, OAuthLogin, PasswordLogin
from daemon.settings.models import Cadence, Dns, Listen, Retention, Settings
from daemon.settings.problems import Problem, SettingsError
from daemon.settings.seeds import Seed
from daemon.settings.servers import ImapServer, SmtpServer
from daemon.settings.shops import ControlRoute, Route, Shop, Template
from daemon.settings.signing import Dkim

__all__ = [
    "Alerts",
    "Bounces",
    "Cadence",
    "Contact",
    "ControlRoute",
    "Dkim",
    "Dns",
    "ImapServer",
    "Intake",
    "Listen",
    "Listener",
    "Login",
    "OAuthLogin",
    "PasswordLogin",
    "Problem",
    "Retention",
    "Route",
    "Seed",
    "Settings",
    "SettingsError",
    "Shop",
    "ShopIntake",
    "SmtpServer",
    "Template",
    "load",
]
