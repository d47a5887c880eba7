"""The double against its own document, by a tool that knows neither: schemathesis over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks

from kiosk.simulator import Simulator
from kiosk.simulator.document import load
from kiosk.simulator.simulator import system_ms
from tests.people import EMPLOYER, OTHER_EMPLOYER, invented_insz
from tests.strangers import MovableClock, Stranger, item

load_all_checks()
CHECKED = cast(
    "list[schemathesis.CheckFunction]",
    CHECKS.get_by_names(
        [
            "not_a_server_error",
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
            "negative_data_rejection",
            "unsupported_method",
        ]
    ),
)
#: A search may be right in shape and still end before it begins.
ACCEPTED = cast("list[schemathesis.CheckFunction]", CHECKS.get_by_names(["positive_data_acceptance"]))
schemathesis.openapi.format("ssin", st.integers(0, 299_999).map(lambda number: invented_insz(number).digits))
schemathesis.openapi.format("enterprise-number", st.sampled_from([EMPLOYER.value, OTHER_EMPLOYER.value]))
DOCUMENT = schemathesis.openapi.from_dict(load("openapi.json"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    with Simulator(tmp_path_factory.mktemp("openapi")) as simulator:
        stranger = Stranger(simulator, MovableClock(system_ms()))
        stranger.log_in().register(*(item(number) for number in range(5)))
        yield stranger
        stranger.http.close()


@DOCUMENT.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_every_answer_is_as_documented(case: schemathesis.Case[Any], stranger: Stranger) -> None:
    """Whatever is sent, the answer's status, media type, headers and body are documented, and wrong input is refused."""
    verify = str(stranger.simulator.ca_file)
    response = case.call(base_url=stranger.simulator.api_url, headers=stranger.headers, verify=verify)
    checks = CHECKED if case.operation.path.endswith("/search") else CHECKED + ACCEPTED
    case.validate_response(response, checks=checks, headers=stranger.headers, transport_kwargs={"verify": verify})
