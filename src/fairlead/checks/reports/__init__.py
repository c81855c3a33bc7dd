"""A verdict in the forms that other people's tools read. Pure: a verdict in, a text out.

    render(verdict, Form.SARIF)           one of the forms, as text
    for_ci(environment)                   which forms belong where, in a hosted CI
    harmless(line)                        a check's line, safe in that CI's log

In every form what is not known is an error, and an answer taken from an earlier verdict, or one
that was given only when asked again, says so.
"""

from fairlead.checks.model import Verdict
from fairlead.checks.reports.github import annotations, harmless
from fairlead.checks.reports.gitlab import code_quality
from fairlead.checks.reports.hosted import File, Form, Hosted, for_ci
from fairlead.checks.reports.hosted_run import HostedRun, hosted_run
from fairlead.checks.reports.junit import junit
from fairlead.checks.reports.plain import plain
from fairlead.checks.reports.sarif import sarif
from fairlead.checks.reports.summary import summary

__all__ = ["File", "Form", "Hosted", "HostedRun", "for_ci", "harmless", "hosted_run", "render"]


_FORMS = {
    Form.JUNIT: junit,
    Form.SARIF: sarif,
    Form.GITHUB: annotations,
    Form.GITLAB: code_quality,
    Form.MARKDOWN: summary,
    Form.PLAIN: plain,
}


def render(verdict: Verdict, form: Form) -> str:
    """The verdict in one form, with its last line end."""
    return _FORMS[form](verdict)
