from __future__ import annotations

from kiosk.contract import Field
from kiosk.contract_shapes import Member, Record, Text


def test_an_object_knows_the_names_of_its_members() -> None:
    """Names are those that are written on the wire."""
    record = Record(members=(Member(name=Field.SSIN, value=Text()), Member(name=Field.DECLARATION, value=Text())))
    assert record.names == {"ssin", "contractualRelationshipReference"}
