from __future__ import annotations

from kiosk.line import DeliverySettings, Service, boot_seconds
from kiosk.services import Services
from tests.worlds import LedgerService, Time


def test_figures_come_in_the_units_of_whoever_counts_with_them() -> None:
    """Searches are spaced in milliseconds of the wall clock, waits in seconds of the boot clock."""
    assert DeliverySettings(settle_seconds=1.5).settle_ms == 1500
    assert boot_seconds(Time()()) == 1000.0


def test_the_true_service_and_the_tests_ledger_answer_the_same_calls() -> None:
    """Both are what delivery asks for; a call that one of them lacked would be found here first."""
    calls = [name for name in vars(Service) if not name.startswith("_")]
    assert calls == ["health", "register", "search", "consult", "cancel"]
    for name in calls:
        assert callable(getattr(Services, name))
        assert callable(getattr(LedgerService, name))
