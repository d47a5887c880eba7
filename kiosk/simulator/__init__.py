"""The double of the service Check In and Out at Work: true TLS, true token checks, strict inputs, faults by name.

It knows nothing of the kiosk's own client: what it demands comes from its OpenAPI document (``openapi.json``), the
Belgif REST guide and the RFCs, so that a mistake of the client can't be repeated here and cancel itself out.

A socket is only needed where sockets matter: ``Ledger`` registers, searches and cancels by function calls, and
``Simulator.exchange`` turns a ``Request`` into a ``Delivery`` with all faults, never listening.

    with Simulator(directory) as simulator:
        simulator.add_client("some-client", certificate_pem)
        simulator.fault(Fault.CUT_AFTER_COMMIT, operation=Operation.REGISTER)
        ...  # a client that trusts simulator.ca_file talks to simulator.token_url and simulator.api_url
        assert simulator.ledger.duplicates() == 0
"""

from kiosk.simulator.faults import Fault, Faults, Order
from kiosk.simulator.ledger import Filter, Ledger, Row, Rule, Validity
from kiosk.simulator.messages import Delivery, Manner, Operation, Request, Response
from kiosk.simulator.problems import IssueType
from kiosk.simulator.simulator import Behaviour, Simulator

__all__ = [
    "Behaviour",
    "Delivery",
    "Fault",
    "Faults",
    "Filter",
    "IssueType",
    "Ledger",
    "Manner",
    "Operation",
    "Order",
    "Request",
    "Response",
    "Row",
    "Rule",
    "Simulator",
    "Validity",
]
