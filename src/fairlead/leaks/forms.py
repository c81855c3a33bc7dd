"""Keys and tokens that are known by their form, each as its maker's documentation gives it.

Every pattern is of bounded parts: its time grows with the text and not faster. ``marks`` are plain
strings of which one is in every match; most files have none, and are not looked at twice.
"""

import re
from collections.abc import Iterator

import msgspec

from fairlead.checks.model import Level
from fairlead.leaks.model import Leak
from fairlead.leaks.placeholders import is_sample

_REVOKE = "revoke it where it was made, and keep the new one with: fairlead secret set"


class Form(msgspec.Struct, frozen=True):
    """One form. ``pattern`` matches the whole token; ``prefix`` characters of it are its mark."""

    rule: str
    what: str
    marks: tuple[str, ...]
    pattern: re.Pattern[str]
    prefix: int = 0
    level: Level = Level.ERROR


def _form(rule: str, what: str, pattern: str, *marks: str, level: Level = Level.ERROR) -> Form:
    whole = re.compile(rf"(?<![A-Za-z0-9_-])(?:{pattern})(?![A-Za-z0-9_])")
    return Form(rule, what, marks, whole, min(map(len, marks)), level)


FORMS = (
    # docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html. The id alone opens
    # nothing; it is an error with its secret near (``near_aws``).
    _form("aws", "an access key id of AWS", r"(?:AKIA|ASIA)[A-Z2-7]{16}", "AKIA", "ASIA",
          level=Level.WARNING),
    # docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
    _form("github", "a token of GitHub", r"gh[pousr]_[A-Za-z0-9]{36,251}",
          "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _form("github", "a fine-grained token of GitHub", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
          "github_pat_"),
    # docs.gitlab.com/security/tokens/#token-prefixes
    _form("gitlab", "a token of GitLab",
          r"gl(?:pat|dt|rt|rtr|cbt|ptt|ft|soat|imt|agent|oas|wt|ffct)-[A-Za-z0-9_.-]{20,120}",
          "glpat-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glsoat-", "glimt-",
          "glagent-", "gloas-", "glwt-", "glffct-"),
    # docs.slack.dev/authentication/tokens, docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    _form("slack", "a token of Slack", r"(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{20,250}",
          "xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-"),
    _form("slack", "a webhook of Slack",
          r"hooks\.slack\.com/(?:services|workflows)/[A-Z0-9]{9,12}/[A-Z0-9]{9,12}/[A-Za-z0-9]{20,40}",
          "hooks.slack.com/"),
    # docs.stripe.com/keys, docs.stripe.com/webhooks. Keys for tests (sk_test_) move no money.
    _form("stripe", "a live key of Stripe", r"[sr]k_live_[A-Za-z0-9]{16,250}",
          "sk_live_", "rk_live_"),
    _form("stripe", "a webhook's signing secret", r"whsec_[A-Za-z0-9+/]{32,64}=?", "whsec_"),
    # docs.cloud.google.com/docs/authentication/api-keys; developers.google.com/identity/protocols/oauth2
    _form("google", "an API key of Google", r"AIza[A-Za-z0-9_-]{35}", "AIza"),
    _form("google", "a client secret of Google", r"GOCSPX-[A-Za-z0-9_-]{28}", "GOCSPX-"),
    # docs.npmjs.com/about-access-tokens (github.blog: the form of GitHub's)
    _form("npm", "a token of npm", r"npm_[A-Za-z0-9]{36}", "npm_"),
    # pypi.org/help/#apitoken: a macaroon that begins with the name of its place
    _form("pypi", "a token of PyPI", r"pypi-AgE[A-Za-z0-9_-]{50,500}", "pypi-AgE"),
    # core.telegram.org/bots/features#botfather
    _form("telegram", "the token of a Telegram bot", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}", ":AA"),
    # docs.sendgrid.com/ui/account-and-settings/api-keys
    _form("sendgrid", "a key of SendGrid", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", "SG."),
    # docs.digitalocean.com/reference/api/create-personal-access-token
    _form("digitalocean", "a token of DigitalOcean", r"do[opr]_v1_[0-9a-f]{64}",
          "dop_v1_", "doo_v1_", "dor_v1_"),
    # shopify.dev/docs/apps/build/authentication-authorization/access-tokens
    _form("shopify", "a token of Shopify", r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}",
          "shpat_", "shpca_", "shppa_", "shpss_"),
    # huggingface.co/docs/hub/security-tokens
    _form("huggingface", "a token of Hugging Face", r"hf_[A-Za-z]{34}", "hf_"),
    # platform.openai.com/docs/api-reference/authentication; T3BlbkFJ is "OpenAI" in base64
    _form("openai", "a key of OpenAI",
          r"sk-(?:(?:proj|svcacct|admin)-)?[A-Za-z0-9_-]{20,100}T3BlbkFJ[A-Za-z0-9_-]{20,100}",
          "T3BlbkFJ"),
    # docs.claude.com/en/api/overview
    _form("anthropic", "a key of Anthropic", r"sk-ant-[a-z0-9]{3,9}-[A-Za-z0-9_-]{60,120}", "sk-ant-"),
    # docs.docker.com/security/access-tokens
    _form("docker", "a token of Docker Hub", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,32}",
          "dckr_pat_", "dckr_oat_"),
    # developer.hashicorp.com/vault/docs/concepts/tokens#token-prefixes
    _form("vault", "a token of Vault", r"hv[sb]\.[A-Za-z0-9_-]{24,300}", "hvs.", "hvb."),
    # grafana.com/docs/grafana/latest/administration/service-accounts
    _form("grafana", "a token of Grafana", r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}", "glsa_"),
    # docs.sentry.io/account/auth-tokens
    _form("sentry", "a token of Sentry", r"sntryu_[a-f0-9]{64}|sntrys_eyJ[A-Za-z0-9_/+=-]{60,300}",
          "sntryu_", "sntrys_"),
    # learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string
    _form("azure", "the key of an Azure storage account", r"AccountKey=[A-Za-z0-9+/]{86}==",
          "AccountKey="),
    # age-encryption.org/v1
    _form("private-key", "a private key of age",
          r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", "AGE-SECRET-KEY-1"),
    # docs/design/secrets.md: a line of our own key ring and of a recovery file
    _form("private-key", "a key of Fairlead",
          r"fairlead-secret-key-1 [0-9a-f]{16} [A-Za-z0-9+/]{43}=", "fairlead-secret-key-1 "),
)  # fmt: skip

_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_NEAR = 400  # characters before and after an id: some five lines


def known_forms(text: str) -> Iterator[Leak]:
    """Every token of a known form, but for samples out of manuals."""
    for form in FORMS:
        if not any(mark in text for mark in form.marks):
            continue
        for found in form.pattern.finditer(text):
            value = found.group()
            if not is_sample(value, form.prefix):
                yield Leak(form.rule, form.what, value, found.start(), form.level, _REVOKE)
                if form.rule == "aws":
                    yield from _near_aws(text, found.start(), found.end())


def _near_aws(text: str, start: int, end: int) -> Iterator[Leak]:
    """The secret of an access key id: 40 characters of base64 that have no form of their own."""
    least = max(0, start - _NEAR)
    for found in _AWS_SECRET.finditer(text, least, end + _NEAR):
        value = found.group()
        if any(one.isdigit() for one in value) and not is_sample(value, 0) and _mixed(value):
            yield Leak("aws", "a secret access key of AWS", value, found.start(), hint=_REVOKE)


def _mixed(value: str) -> bool:
    """Not a digest in hexadecimal, which has 40 characters too (SHA-1)."""
    return any(one.isupper() for one in value) and any(one.islower() for one in value)
