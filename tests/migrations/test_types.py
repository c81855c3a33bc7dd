"""Whether a column's new type takes what the old one held."""

import pytest

from fairlead.migrations.types import Fit, fit


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("integer", "bigint", Fit.WIDER),
        ("bigint", "integer", Fit.NARROWER),
        ("real", "double precision", Fit.WIDER),
        ("character varying(20)", "character varying(30)", Fit.WIDER),
        ("character varying(20)", "text", Fit.WIDER),
        ("character varying(30)", "character varying(20)", Fit.NARROWER),
        ("text", "character varying(20)", Fit.NARROWER),
        ("numeric(10,2)", "numeric(12,2)", Fit.WIDER),
        ("numeric(10,2)", "numeric(10,4)", Fit.NARROWER),
        ("numeric(10,2)", "numeric", Fit.WIDER),
        ("numeric", "numeric(10,2)", Fit.NARROWER),
        ("timestamp(3) with time zone", "timestamp with time zone", Fit.WIDER),
        ("timestamp with time zone", "timestamp(3) with time zone", Fit.NARROWER),
        ("timestamp with time zone", "timestamp without time zone", Fit.OTHER),
        ("integer", "text", Fit.OTHER),
        ("json", "jsonb", Fit.OTHER),
        ("character(3)", "character(4)", Fit.OTHER),
        ("odd type", "odd type", Fit.SAME),
    ],
)
def test_fit(old: str, new: str, expected: Fit) -> None:
    """What is not known to be wider is not taken for it."""
    assert fit(old, new) == expected
