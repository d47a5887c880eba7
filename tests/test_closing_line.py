"""The closing lines of deploy/test: a skipped test must not look like a passed one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.closing_line import Count, Skip, close, count, main

REPORT = """<testsuites><testsuite>
<testcase classname="tests.test_a" name="test_passes"/>
<testcase classname="tests.test_a" name="test_fails"><failure message="assert 1 == 2">text</failure></testcase>
<testcase classname="tests.test_a" name="test_breaks"><error message="failed on setup">text</error></testcase>
<testcase classname="tests.test_a" name="test_root"><skipped type="pytest.skip" message="needs root">x</skipped></testcase>
<testcase classname="" name="tests.test_b"><skipped message="collection skipped">('f', 3, 'Skipped: no card')</skipped></testcase>
</testsuite></testsuites>"""

GOOD = Count(passed=3, failed=0, skips=())
EXCUSED = Skip(name="tests.test_a::test_root", reason="needs root")
UNEXCUSED = Skip(name="tests.test_b", reason="no card")


def test_every_outcome_is_counted(tmp_path: Path) -> None:
    """All reports together are counted, fixture errors as failures, and each skip keeps its reason."""
    (tmp_path / "one.xml").write_text(REPORT)
    (tmp_path / "two.xml").write_text(REPORT)
    counted = count(tmp_path)
    assert counted == Count(passed=2, failed=4, skips=(EXCUSED, UNEXCUSED) * 2)
    assert counted.line() == "tests: 2 passed, 4 failed, 4 skipped"


def test_good_run_exits_zero_and_ends_with_the_count() -> None:
    """The count is the last line, alone, so that a machine can read it."""
    assert close(GOOD, [], strict=True) == ("tests: 3 passed, 0 failed, 0 skipped", 0)


def test_failed_step_is_named_and_fails_the_run() -> None:
    """A lint error fails the run even when all tests pass."""
    text, code = close(GOOD, ["mypy"], strict=False)
    assert code == 1
    assert text.splitlines()[0] == "failed: mypy"


@pytest.mark.parametrize(
    "counted", [Count(passed=3, failed=1, skips=()), Count(passed=0, failed=0, skips=())], ids=["a failed test", "no test"]
)
def test_bad_count_fails_the_run(counted: Count) -> None:
    """A failed test fails the run, and so does a run in which nothing ran."""
    assert close(counted, [], strict=False)[1] == 1


def test_unexcused_skip_fails_only_in_ci() -> None:
    """A developer may lack a component; CI may not, for what the installer brings."""
    counted = Count(passed=3, failed=0, skips=(EXCUSED, UNEXCUSED))
    assert close(counted, [], strict=False)[1] == 0
    text, code = close(counted, [], strict=True)
    assert code == 1
    assert "no skip for this reason: tests.test_b" in text
    assert "no skip for this reason: tests.test_a" not in text


def test_skip_without_reason_is_said_aloud() -> None:
    """Each skip is printed with its reason, and a missing reason is pointed at."""
    text, _code = close(Count(passed=1, failed=0, skips=(EXCUSED, Skip(name="x", reason=""))), [], strict=False)
    assert "skipped: tests.test_a::test_root: needs root" in text
    assert "skipped: x: NO REASON GIVEN" in text


def test_reports_are_pytests_own(tmp_path: Path) -> None:
    """What pytest itself writes today is understood: a pass, a failure, a skip with its reason, a skipped module."""
    (tmp_path / "test_x.py").write_text(
        "import pytest\ndef test_a(): pass\ndef test_b(): assert not 1\n"
        "def test_c(): pytest.skip('needs root')\n@pytest.mark.skip(reason='why')\ndef test_d(): pass\n"
    )
    (tmp_path / "test_y.py").write_text("import pytest\npytest.skip('needs systemd', allow_module_level=True)\n")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-c",
            "/dev/null",
            f"--rootdir={tmp_path}",
            f"--junitxml={tmp_path}/r.xml",
            tmp_path,
        ],
        check=False,
        capture_output=True,
        cwd=tmp_path,
    )
    counted = count(tmp_path)
    assert (counted.passed, counted.failed) == (1, 1)
    assert sorted(skip.reason for skip in counted.skips) == ["needs root", "needs systemd", "why"]


def test_main_prints_and_returns_the_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CI is told by the environment variable CI; without it the same report passes."""
    (tmp_path / "one.xml").write_text(
        '<testsuite><testcase name="a"/><testcase name="b"><skipped message="why"/></testcase></testsuite>'
    )
    assert main([str(tmp_path)], {}) == 0
    assert main([str(tmp_path)], {"CI": "true"}) == 1
    assert capsys.readouterr().out.endswith("\ntests: 1 passed, 0 failed, 1 skipped\n")
