"""How a request or an answer is described: the kinds of value, the members of an object, a call.

``kiosk.contract_calls`` describes the calls of this service with them.
"""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.contract import Evidence, Field, Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string.

    Attributes:
        samples: Values such as are really sent, public examples only; at most 20 characters each, since the patterns of a
            foreign document are tried on them.
        shortest, longest: Characters of what is sent.
        pattern: What every value sent matches; empty where anything is.
        format: As OpenAPI spells it, or empty.
        choices: All values that are sent or understood; empty where the set is open.
    """

    samples: tuple[str, ...] = ()
    shortest: int = 1
    longest: int = 20
    pattern: str = ""
    format: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number from ``low`` to ``high``; ``whole`` where it has no fraction."""

    whole: bool
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An array; ``most`` is how many are ever sent, None where it is only read."""

    of: Record | Text
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An object.

    Attributes:
        members: What it has.
        one_of: Members of which exactly one is there.
        some_of: Members of an answer of which any tells what is wanted; none is needed by itself.
        without: What becomes of it where all of these are missing.
    """

    members: tuple[Member, ...]
    one_of: frozenset[Field] = frozenset()
    some_of: frozenset[Field] = frozenset()
    without: str = ""

    @property
    def names(self) -> frozenset[str]:
        """The names of all members."""
        return frozenset(member.name.value for member in self.members)


Value = Text | Figure | Listing | Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of an object.

    Attributes:
        name: Its name.
        value: What it holds.
        evidence: How well it is known.
        needed: In a request: always sent. In an answer: without it the answer is not understood.
        without: In an answer, what becomes of it where a member that is not needed is missing or of another kind.
    """

    name: Field
    value: Value
    evidence: Evidence = Evidence.ASSUMED
    needed: bool = True
    without: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One operation with its request and its answer.

    Attributes:
        name: Its key in ``[service.paths]``.
        operation: Method, path, and how well these are known.
        request: The JSON body, or None where none is sent.
        answer: The JSON body of a success.
        refused: What it means when the service refuses the request.
        unread: What it means when the answer is not understood.
        token: Whether it carries a token.
    """

    name: str
    operation: Operation
    request: Record | None
    answer: Record
    refused: str
    unread: str
    token: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """How a token is got: RFC 7523, section 2.2 (facts, section 1.3).

    Attributes:
        form: What is posted.
        claims: What the assertion says.
        answer: What is read.
        scopes: The scopes that the operations need; None: unknown, and none is asked for, so that all the client has are given.
        evidence: How well it is known.
    """

    form: tuple[str, ...]
    claims: tuple[str, ...]
    answer: tuple[str, ...]
    scopes: tuple[str, ...] | None
    evidence: Evidence
