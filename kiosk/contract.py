"""The service contract as data: what is sent where, how it is spelled, and how well each part is known.

The official description (presenceRegistration 1.2.0) was not at hand. ``KNOWN`` is seen in working public clients or
official pages; ``ASSUMED`` follows the Belgif REST guide and must be proven with ``doctor`` before production
(design, section 5; facts, rsz-service, sections 1 to 3). A changed path is configured, never patched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kiosk.errors import UsageError
from kiosk.model import Carried


class Evidence(StrEnum):
    """How well a part of the contract is known."""

    KNOWN = "known"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call of the service: HTTP method, path below the API's base, and how well it is known."""

    method: str
    path: str
    evidence: Evidence


REGISTER: Final = Operation(method="POST", path="/presenceRegistrations/registerInBulk", evidence=Evidence.KNOWN)
SEARCH: Final = Operation(method="POST", path="/presenceRegistrations/search", evidence=Evidence.ASSUMED)
CONSULT: Final = Operation(method="GET", path="/presenceRegistrations/{id}", evidence=Evidence.ASSUMED)
CANCEL: Final = Operation(method="POST", path="/presenceRegistrations/cancelInBulk", evidence=Evidence.ASSUMED)
ADDRESSES: Final = Operation(method="POST", path="/addresses/search", evidence=Evidence.ASSUMED)
#: Every Belgif API has it; that this one does is unproven.
HEALTH: Final = Operation(method="GET", path="/health", evidence=Evidence.ASSUMED)
OPERATIONS: Final = (REGISTER, SEARCH, CONSULT, CANCEL, ADDRESSES, HEALTH)


class Field(StrEnum):
    """Every name that occurs in a request or an answer. Unknown ones in an answer are ignored, none is ever added to a request."""

    ITEMS = "items"
    REGISTRATION_DATE = "registrationDate"
    SSIN = "ssin"
    TYPE = "type"
    EMPLOYER = "employer"
    ENTERPRISE_NUMBER = "enterpriseNumber"
    FOREIGN_VAT_NUMBER = "foreignVatNumber"
    PLACE_OF_WORK = "placeOfWork"
    COORDINATES = "coordinates"
    LONGITUDE = "longitude"
    LATITUDE = "latitude"
    ADDRESS = "address"
    POST_CODE = "postCode"
    MUNICIPALITY = "municipalityName"
    STREET = "streetName"
    HOUSE_NUMBER = "houseNumber"
    BOX_NUMBER = "boxNumber"
    DECLARATION = "contractualRelationshipReference"
    CREATED = "createdPresenceRegistration"
    NOT_CREATED = "notCreatedPresenceRegistration"
    CANCELLED = "cancelledPresenceRegistration"
    NOT_CANCELLED = "notCancelledPresenceRegistration"
    CREATION_DATE = "creationDate"
    HISTORY = "validationHistory"
    VALIDATION_DATE = "validationDate"
    STATUS = "status"
    ID = "id"
    VALIDITY = "validity"
    REMARKS = "remarks"
    CODE = "code"
    FROM = "registrationDateFrom"
    TO = "registrationDateTo"
    TOTAL = "total"
    PAGE = "page"
    PAGE_SIZE = "pageSize"
    PROBLEM = "problem"
    ISSUES = "issues"
    #: What old Belgif problems call ``issues``.
    INVALID_PARAMS = "invalidParams"
    #: What they call an issue's ``type``; a bare word.
    ISSUE_TYPE = "issueType"
    NAME = "name"
    RETRY_AFTER = "retryAfter"
    RETRY_AFTER_SEC = "retryAfterSec"


#: A new registration starts so (known); the final values are an open set, kept as they come (facts, section 2.3).
VALIDITY_PENDING: Final = "pending"
#: Assumed: the final values that are good news, compared without case; the SOAP service says SUCCESSFULLY_REGISTERED.
VALIDITY_GOOD: Final = frozenset({"valid", "ok", "confirmed", "successfully_registered"})
#: Assumed: what validity says of a registration that was cancelled, compared without case.
VALIDITY_CANCELLED: Final = frozenset({"cancelled", "canceled", "successfully_cancelled"})

#: Assumed from the law's words, until the official description is at hand; ``[service] self_employed_employer`` overrides it.
SELF_EMPLOYED_CARRIES: Final = Carried.PRINCIPAL

#: How the issue type ends that says of a person's number that another one took its place; the guide's own example
#: (facts, rsz-service, section 3). Assumed: that this service names it likewise.
REPLACED_SSIN: Final = "replacedSsin"

#: Belgif's word for a service that is well.
HEALTH_UP: Final = "UP"

PROBLEM_JSON: Final = "application/problem+json"
#: Belgif's own problem types and those of an institution all begin so; ``about:blank`` comes from a gateway.
PROBLEM_PREFIX: Final = "urn:problem-type:"


class Problem(StrEnum):
    """Belgif problem types (known, facts section 3)."""

    BAD_REQUEST = "urn:problem-type:belgif:badRequest"
    NO_ACCESS_TOKEN = "urn:problem-type:belgif:noAccessToken"  # noqa: S105  a problem type, no secret
    INVALID_ACCESS_TOKEN = "urn:problem-type:belgif:invalidAccessToken"  # noqa: S105  a problem type, no secret
    EXPIRED_ACCESS_TOKEN = "urn:problem-type:belgif:expiredAccessToken"  # noqa: S105  a problem type, no secret
    MISSING_SCOPE = "urn:problem-type:belgif:missingScope"
    MISSING_PERMISSION = "urn:problem-type:belgif:missingPermission"
    RESOURCE_NOT_FOUND = "urn:problem-type:belgif:resourceNotFound"
    PAYLOAD_TOO_LARGE = "urn:problem-type:belgif:payloadTooLarge"
    TOO_MANY_REQUESTS = "urn:problem-type:belgif:tooManyRequests"
    TOO_MANY_FAILED_REQUESTS = "urn:problem-type:belgif:tooManyFailedRequests"
    INTERNAL_SERVER_ERROR = "urn:problem-type:belgif:internalServerError"
    BAD_GATEWAY = "urn:problem-type:belgif:badGateway"
    SERVICE_UNAVAILABLE = "urn:problem-type:belgif:serviceUnavailable"


#: What is wrong with the client, not with what it sent: another client id may well be served.
CREDENTIAL_PROBLEMS: Final = frozenset(
    {Problem.NO_ACCESS_TOKEN, Problem.INVALID_ACCESS_TOKEN, Problem.EXPIRED_ACCESS_TOKEN, Problem.MISSING_SCOPE}
)

#: Belgif tracing: ours goes out as a UUID version 4, theirs comes back in the same header (known).
TRACE_HEADER: Final = "BelGov-Trace-Id"

#: The older SOAP service takes 200 items in a call; nothing is known of REST, so more is never sent (assumed).
MAX_BATCH: Final = 200
PAGE_SIZE: Final = 100
#: 20,000 registrations: more than a site sees in the window of any lookup; a service that pages on for ever is cut off.
MAX_PAGES: Final = 200
#: 200 answered items are some 60 KB; what is longer was not meant for us.
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
#: A floor asked by Retry-After counts up to here: a typing error over there must not silence a box for a week.
MAX_RETRY_AFTER_SECONDS: Final = 3600.0

GRANT_TYPE: Final = "client_credentials"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: ``iat`` lies this far back, against a token server whose clock is behind ours (its tolerance is unknown).
ASSERTION_BACKDATE_SECONDS: Final = 10
#: ``exp`` after ``iat``: public clients use 300 s and more, the official maximum is unknown.
ASSERTION_LIFETIME_SECONDS: Final = 300

PRODUCTION_HOST: Final = "services.socialsecurity.be"
PRODUCTION_API_URL: Final = f"https://{PRODUCTION_HOST}/REST/presenceRegistration/v1"
SIMULATION_API_URL: Final = "https://services-sim.socialsecurity.be/REST/presenceRegistration/v1"
#: The simulation environment takes its tokens here too (facts, section 1.4): the two URLs vary independently.
TOKEN_URL: Final = f"https://{PRODUCTION_HOST}/REST/oauth/v5/token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Paths below the API's base, each overridable by configuration while the contract is partly assumed."""

    register: str = REGISTER.path
    search: str = SEARCH.path
    consult: str = CONSULT.path
    cancel: str = CANCEL.path
    addresses: str = ADDRESSES.path
    health: str = HEALTH.path


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What the calls to the service need; made from the ``[service]`` section.

    Attributes:
        api_url: Base of the API, https, without a query; a trailing slash is dropped.
        token_url: The token endpoint, https; also the audience of the assertion, verbatim.
        client_id: From Chaman; opaque.
        private_key: The client key, PEM, not encrypted.
        ca_file: Certificates to trust, PEM, or None for the system's trust store.
        timeout_seconds: Total per HTTP call, connecting and reading included; 0 or more.
        page_size: Registrations asked for in one page of a search, 1 or more.
        paths: Paths below ``api_url``.

    Raises:
        UsageError: A URL is not https or has parts that do not belong there, or the time is negative.
    """

    api_url: str
    token_url: str
    client_id: str
    private_key: Path
    ca_file: Path | None = None
    timeout_seconds: float = 15
    page_size: int = PAGE_SIZE
    paths: Paths = field(default_factory=Paths)

    def __post_init__(self) -> None:
        check_url("service.api_url", self.api_url)
        check_url("service.token_url", self.token_url)
        if not self.timeout_seconds >= 0:
            raise UsageError("service.timeout_seconds must be 0 or more", repair="leave it out for 15 seconds")

    def url(self, path: str) -> str:
        """Return the full URL of a path below the API's base."""
        return self.api_url.rstrip("/") + path


def check_url(key: str, url: str) -> None:
    """Check a service URL; plain http would send tokens and INSZ in clear.

    Raises:
        UsageError: It is not ``https://host...`` or carries a login, a query or a fragment. The URL is not repeated:
            it may hold a password.
    """
    repair = f"write {key} as https://host/path"
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{key} is no URL", repair=repair) from None
    if parts.scheme != "https" or not host:
        raise UsageError(f"{key} must begin with https:// and name a host", repair=repair)
    if parts.username is not None or parts.query or parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"{key} must not hold a login, a query, a fragment, spaces or accents", repair=repair)
