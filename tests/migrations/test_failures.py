"""Names of failing tests, from what unittest and pytest say."""

import pytest

from fairlead.migrations.failures import count, failing

UNITTEST = f"""\
.EF
{"=" * 70}
ERROR: test_b (app.T.test_b)
{"-" * 70}
Traceback (most recent call last):
  File "x.py", line 1, in test_b
KeyError: 'x'

{"=" * 70}
FAIL: test_c (app.T.test_c)
{"-" * 70}
AssertionError: 1 != 2

{"-" * 70}
Ran 3 tests in 0.012s

FAILED (failures=1, errors=1)
"""
PYTEST = """\
.F.
=========================== short test summary info ============================
FAILED tests/test_x.py::test_a[a b] - assert 1 == 2
ERROR tests/test_y.py
\x1b[31m1 failed, 2 passed, 1 error in 0.12s\x1b[0m
"""


def test_unittest_names_them_with_their_error() -> None:
    """The name with its class, and the last error of its traceback."""
    assert failing(UNITTEST) == {
        "test_b (app.T.test_b)": "KeyError: 'x'",
        "test_c (app.T.test_c)": "AssertionError: 1 != 2",
    }
    assert count(UNITTEST) == 3


def test_pytest_names_them_in_its_summary() -> None:
    """Also those that could not be collected."""
    assert failing(PYTEST) == {
        "tests/test_x.py::test_a[a b]": "assert 1 == 2",
        "tests/test_y.py": "",
    }
    assert count(PYTEST) == 4


@pytest.mark.parametrize("said", ["", "all good", "FAILED somehow", "Ran away"])
def test_what_others_say_has_no_names(said: str) -> None:
    """No name is invented from another tool's words."""
    assert failing(said) is None
    assert count(said) is None


def test_no_test_is_counted_as_none() -> None:
    """That nothing ran is known."""
    assert count("\n----\nRan 0 tests in 0.000s\n\nOK\n") == 0
