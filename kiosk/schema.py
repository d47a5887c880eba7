"""The tables, written out as SQL: sqlite-utils runs the migrations, but its ``create`` knows no CHECK and its indexes no WHERE.

A migration is never edited once shipped. ``user_version`` counts them, so that a store that is up to date
opens without importing sqlite_utils (the first tap must not wait for it).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite_utils

#: "ciao" in ASCII: what ``file`` and a second look tell this store by.
APPLICATION_ID: Final = 0x6369616F

_V1: Final = """
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE books (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    host TEXT NOT NULL,
    environment TEXT NOT NULL CHECK (environment IN ('production', 'training')),
    opened_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE holders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    added_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE profiles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid BLOB NOT NULL,
    holder INTEGER NOT NULL REFERENCES holders (id),
    current INTEGER NOT NULL CHECK (current IN (0, 1)),
    valid_from_ms INTEGER NOT NULL,
    insz_index BLOB NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX profiles_current ON profiles (holder) WHERE current;
CREATE INDEX profiles_insz ON profiles (insz_index);

CREATE TABLE badges (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid BLOB NOT NULL,
    card_index BLOB NOT NULL UNIQUE,
    holder INTEGER NOT NULL REFERENCES holders (id),
    added_ms INTEGER NOT NULL,
    revoked_ms INTEGER,
    sealed BLOB NOT NULL
) STRICT;

-- A tap with the registration owed for it: one row, so that one INSERT makes both durable. No foreign keys here:
-- every tap would pay for looking its parents up, and no holder or book is ever deleted under a row. No AUTOINCREMENT
-- either, which writes a page more for each tap: an id is used once because retention never takes the newest row.
-- Lists of values are spelled with OR: for IN with more than two SQLite builds a table on each INSERT (8 % of a tap).
CREATE TABLE registrations (
    id INTEGER PRIMARY KEY,
    uid BLOB NOT NULL,
    book INTEGER NOT NULL,
    holder INTEGER NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    state TEXT NOT NULL
        CHECK (state = 'queued' OR state = 'in_flight' OR state = 'unknown' OR state = 'accepted' OR state = 'refused'
            OR state = 'held' OR state = 'cancelled'),
    reason TEXT,
    at_ms INTEGER NOT NULL,
    group_index BLOB,
    sealed BLOB NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    split INTEGER NOT NULL DEFAULT 0,
    called_ms INTEGER,
    absent_ms INTEGER,
    search_ms INTEGER,
    released INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    registration_id INTEGER,
    confirmed_ms INTEGER,
    validity TEXT,
    remarks BLOB,
    signal TEXT NOT NULL,
    card_index BLOB NOT NULL,
    reader TEXT NOT NULL,
    driver TEXT NOT NULL,
    technology TEXT NOT NULL,
    press TEXT CHECK (press = 'in' OR press = 'out' OR press = 'break'),
    wall_ms INTEGER NOT NULL,
    boot_ns INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    clock_trusted INTEGER NOT NULL CHECK (clock_trusted IN (0, 1)),
    clock_source TEXT NOT NULL,
    clock_bound_ms INTEGER
) STRICT;
CREATE INDEX registrations_holder ON registrations (holder);
CREATE INDEX registrations_state ON registrations (book, state, reason, group_index, split);
CREATE INDEX registrations_search ON registrations (book, search_ms) WHERE state = 'unknown';
CREATE INDEX registrations_pending ON registrations (book, search_ms) WHERE state = 'accepted' AND validity = 'pending';
CREATE UNIQUE INDEX registrations_settled ON registrations (book, registration_id) WHERE registration_id IS NOT NULL;

-- A tap that owes no registration: of a card that nobody knows, kept sealed to be linked later.
CREATE TABLE taps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid BLOB NOT NULL,
    book INTEGER NOT NULL,
    signal TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    card_index BLOB NOT NULL,
    reader TEXT NOT NULL,
    driver TEXT NOT NULL,
    technology TEXT NOT NULL,
    press TEXT CHECK (press IN ('in', 'out', 'break')),
    wall_ms INTEGER NOT NULL,
    boot_ns INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    clock_trusted INTEGER NOT NULL CHECK (clock_trusted IN (0, 1)),
    clock_source TEXT NOT NULL,
    clock_bound_ms INTEGER
) STRICT;

CREATE TABLE pauses (
    book INTEGER NOT NULL,
    group_index BLOB NOT NULL,
    refusals INTEGER NOT NULL,
    last_reason TEXT NOT NULL,
    paused_ms INTEGER,
    probed_ms INTEGER,
    PRIMARY KEY (book, group_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    book INTEGER NOT NULL,
    registration INTEGER,
    holder INTEGER,
    opened_ms INTEGER NOT NULL,
    closed_ms INTEGER,
    note TEXT
) STRICT;
CREATE INDEX tasks_open ON tasks (book, kind, registration) WHERE closed_ms IS NULL;

CREATE TABLE evidence (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    sealed BLOB
) STRICT;
CREATE TRIGGER evidence_is_kept BEFORE DELETE ON evidence
BEGIN SELECT RAISE (ABORT, 'evidence is append-only'); END;
CREATE TRIGGER evidence_is_unchanged BEFORE UPDATE ON evidence
BEGIN SELECT RAISE (ABORT, 'evidence is append-only'); END;
"""

_V2: Final = """
-- A tap of a known holder for whom nothing is owed (no declaration, below the threshold, a visitor) moves him in and out as well.
ALTER TABLE taps ADD COLUMN holder INTEGER;
ALTER TABLE taps ADD COLUMN direction TEXT CHECK (direction = 'in' OR direction = 'out');
CREATE INDEX taps_holder ON taps (holder) WHERE holder IS NOT NULL;

-- What a holder of the roster registered by another channel (his telephone), as the service's search shows it: it is never sent,
-- and says where he is. gone_ms: it was cancelled there, or a later search did not show it any more.
CREATE TABLE elsewhere (
    id INTEGER PRIMARY KEY,
    uid BLOB NOT NULL,
    book INTEGER NOT NULL,
    holder INTEGER NOT NULL,
    direction TEXT NOT NULL CHECK (direction = 'in' OR direction = 'out'),
    at_ms INTEGER NOT NULL,
    registration_id INTEGER NOT NULL,
    group_index BLOB NOT NULL,
    seen_ms INTEGER NOT NULL,
    gone_ms INTEGER,
    sealed BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX elsewhere_known ON elsewhere (book, registration_id);
CREATE INDEX elsewhere_holder ON elsewhere (holder, at_ms);
CREATE INDEX elsewhere_window ON elsewhere (book, at_ms);

-- looked_ms: when other channels were last searched for this registration before it is sent late.
-- cancel_ms: when the service may be asked next to cancel it; only where cancel_requested is not 0.
ALTER TABLE registrations ADD COLUMN looked_ms INTEGER;
ALTER TABLE registrations ADD COLUMN cancel_ms INTEGER;
CREATE INDEX registrations_cancelling ON registrations (book, cancel_ms) WHERE cancel_requested > 0;

-- Whatever settles a registration closes what was asked about it: a site with many remarks has many open tasks.
CREATE INDEX tasks_about ON tasks (registration) WHERE closed_ms IS NULL;

-- How long a paused group waits for its next probe: an hour after refusals, less where the fault is a credential's, which a human
-- may put right at any moment.
ALTER TABLE pauses ADD COLUMN probe_wait_ms INTEGER NOT NULL DEFAULT 3600000;

-- The service remarked something about a holder's registration: he is told at his next tap.
CREATE TABLE notices (
    id INTEGER PRIMARY KEY,
    book INTEGER NOT NULL,
    holder INTEGER NOT NULL,
    registration INTEGER NOT NULL,
    opened_ms INTEGER NOT NULL,
    told_ms INTEGER
) STRICT;
CREATE INDEX notices_open ON notices (holder) WHERE told_ms IS NULL;

-- The days, local to the site, that were compared with the service, and what that came to. unsettled: rows that were still on
-- their way or differed, for which the day is compared again.
CREATE TABLE reconciliations (
    book INTEGER NOT NULL,
    day TEXT NOT NULL,
    done_ms INTEGER NOT NULL,
    equal INTEGER NOT NULL,
    only_here INTEGER NOT NULL,
    only_there INTEGER NOT NULL,
    different INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    unsettled INTEGER NOT NULL,
    PRIMARY KEY (book, day)
) STRICT, WITHOUT ROWID;
"""

_V3: Final = """
-- The record becomes a chain (see kiosk.evidence). Entries from before have no hash. The one change that is let through is to
-- erase: content and salts go, the rest stays.
ALTER TABLE evidence ADD COLUMN commitment BLOB;
ALTER TABLE evidence ADD COLUMN hash BLOB;
CREATE INDEX evidence_subject ON evidence (subject);
DROP TRIGGER evidence_is_unchanged;
CREATE TRIGGER evidence_is_unchanged BEFORE UPDATE ON evidence
WHEN new.sealed IS NOT NULL OR new.id IS NOT old.id OR new.uid IS NOT old.uid OR new.at_ms IS NOT old.at_ms
    OR new.kind IS NOT old.kind OR new.subject IS NOT old.subject OR new.commitment IS NOT old.commitment
    OR new.hash IS NOT old.hash
BEGIN SELECT RAISE (ABORT, 'evidence is append-only'); END;

-- The evidence key's word for the chain up to an entry.
CREATE TABLE signatures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    entry INTEGER NOT NULL,
    hash BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    key_id BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;
CREATE TRIGGER signatures_are_kept BEFORE DELETE ON signatures
BEGIN SELECT RAISE (ABORT, 'signatures are append-only'); END;
CREATE TRIGGER signatures_are_unchanged BEFORE UPDATE ON signatures
BEGIN SELECT RAISE (ABORT, 'signatures are append-only'); END;

-- The interval in which a tap lies whose clock was not to be trusted (Unix milliseconds UTC), and when its time was healed;
-- wall_ms stays what the clock said. All NULL where the clock was trusted, or nothing is known yet.
ALTER TABLE registrations ADD COLUMN healed_ms INTEGER;
ALTER TABLE registrations ADD COLUMN earliest_ms INTEGER;
ALTER TABLE registrations ADD COLUMN latest_ms INTEGER;
ALTER TABLE taps ADD COLUMN healed_ms INTEGER;
ALTER TABLE taps ADD COLUMN earliest_ms INTEGER;
ALTER TABLE taps ADD COLUMN latest_ms INTEGER;
CREATE INDEX registrations_unhealed ON registrations (boot_id) WHERE clock_trusted = 0 AND latest_ms IS NULL;
CREATE INDEX taps_unhealed ON taps (boot_id) WHERE clock_trusted = 0 AND latest_ms IS NULL;

-- about_ms: the moment of the presence that a task is about, where one is known: by it the days count that are left. by_hand:
-- a human has seen to it, so the same is not asked again by itself.
ALTER TABLE tasks ADD COLUMN about_ms INTEGER;
ALTER TABLE tasks ADD COLUMN by_hand INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tasks_of ON tasks (holder, kind);
UPDATE tasks SET about_ms = (SELECT at_ms FROM registrations WHERE id = tasks.registration AND clock_trusted = 1)
WHERE closed_ms IS NULL;

-- A person who was erased: the number stays, so that it is never given to another.
ALTER TABLE holders ADD COLUMN forgotten_ms INTEGER;
"""

_V4: Final = """
-- Where the place of a registration comes from: the configuration, or a GPS receiver; then how far off it may be, and how old the
-- fix was. The place itself is sealed with the rest.
ALTER TABLE registrations ADD COLUMN place_source TEXT NOT NULL DEFAULT 'site'
    CHECK (place_source = 'site' OR place_source = 'gps');
ALTER TABLE registrations ADD COLUMN place_error_m INTEGER;
ALTER TABLE registrations ADD COLUMN place_age_ms INTEGER;

-- How hard it is to pretend to be the card of a tap: uid, crypto or eid. Older taps were all by a number that can be copied.
ALTER TABLE registrations ADD COLUMN trust TEXT NOT NULL DEFAULT 'uid' CHECK (trust = 'uid' OR trust = 'crypto' OR trust = 'eid');
ALTER TABLE taps ADD COLUMN trust TEXT NOT NULL DEFAULT 'uid' CHECK (trust = 'uid' OR trust = 'crypto' OR trust = 'eid');

-- A registration for the past tap of a card that nobody knew, once it was linked to a person: that tap's id, until when he may
-- confirm it in person, and when he did (Unix milliseconds UTC). Such a row says nothing of where he is now. All NULL elsewhere.
ALTER TABLE registrations ADD COLUMN linked INTEGER;
ALTER TABLE registrations ADD COLUMN link_until_ms INTEGER;
ALTER TABLE registrations ADD COLUMN link_confirmed_ms INTEGER;
CREATE UNIQUE INDEX registrations_linked ON registrations (linked) WHERE linked IS NOT NULL;

-- What the reader said of a badge's chip when it was laid on to be enrolled; NULL where its number was typed or imported.
ALTER TABLE badges ADD COLUMN technology TEXT;
ALTER TABLE badges ADD COLUMN trust TEXT CHECK (trust = 'uid' OR trust = 'crypto' OR trust = 'eid');

-- Cards to lend. Lent, one is a badge until its holder's OUT, and until this moment at the latest (Unix milliseconds UTC).
CREATE TABLE loan_cards (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid BLOB NOT NULL,
    card_index BLOB NOT NULL UNIQUE,
    added_ms INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
ALTER TABLE badges ADD COLUMN loan_until_ms INTEGER;
CREATE INDEX badges_lent ON badges (loan_until_ms) WHERE loan_until_ms IS NOT NULL;
"""

#: The steps in order; a store's user_version is the number of those it has taken.
STEPS: Final = (_V1, _V2, _V3, _V4)


def migrate(connection: sqlite3.Connection, *, check: bytes) -> None:
    """Take every step that the store has not taken, each in one transaction with its record and ``user_version``.

    Args:
        connection: In autocommit mode, owner of the file.
        check: The sealed value that proves the store key; written with the first step, so no store is ever without.
    """
    import sqlite_utils  # noqa: PLC0415  a store that is up to date never comes here: the tap path stays lean

    steps = sqlite_utils.Migrations("ciao-kiosk")
    for number, sql in enumerate(STEPS, 1):
        steps(name=f"v{number}")(_step(number, sql, check))
    steps.apply(sqlite_utils.Database(connection, execute_plugins=False))


def _step(number: int, sql: str, check: bytes) -> Callable[[sqlite_utils.Database], None]:
    def take(database: sqlite_utils.Database) -> None:
        # executescript() would commit the transaction that sqlite-utils holds open.
        for statement in _statements(sql):
            database.conn.execute(statement)
        if number == 1:
            database.conn.execute("INSERT INTO meta (name, value) VALUES ('check', ?)", (check,))
        database.conn.execute(f"PRAGMA user_version = {number}")

    return take


def _statements(sql: str) -> Iterator[str]:
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
