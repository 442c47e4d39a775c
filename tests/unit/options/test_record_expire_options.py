"""The options that let rows expire."""

from __future__ import annotations

import pytest

import tablestore as ts
from tablestore.errors import InvalidInputError
from tablestore.options.record_expire import RecordExpireOptions
from tests.support.builders import append_table, keyed_table

TYPES = {"id": "BIGINT NOT NULL", "at": "TIMESTAMP(3) WITH LOCAL TIME ZONE", "day": "DATE"}


def options(**given):
    return {f"record-level.{key.replace('_', '-')}": value for key, value in given.items()}


def test_a_row_lives_for_whole_seconds():
    found = RecordExpireOptions.of(options(expire_time="1999 ms", time_field="at"), TYPES)
    assert found == RecordExpireOptions("at", "TIMESTAMP", 1)
    found = RecordExpireOptions.of(options(expire_time="2 d", time_field="id"), TYPES)
    assert found == RecordExpireOptions("id", "BIGINT", 172_800)


def test_without_a_time_to_live_no_row_expires():
    assert RecordExpireOptions.of({}, TYPES) is None
    assert RecordExpireOptions.of(options(time_field="at"), TYPES) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (options(expire_time="1 d"), "needs 'record-level.time-field', the column that tells"),
        (options(time_field="att"), "'att', which the table does not have.*'at'"),
        (options(time_field="day"), "'day' of type DATE; expected INT"),
        (
            options(expire_time="soon", time_field="at"),
            "expire-time'.*not a duration",
        ),
    ],
)
def test_settings_that_tell_no_time_are_refused(given, message):
    with pytest.raises(InvalidInputError, match=message):
        RecordExpireOptions.of(given, TYPES)


def test_a_table_is_not_created_with_them():
    columns = {"id": "BIGINT NOT NULL", "day": "DATE"}
    with pytest.raises(ts.InvalidInputError, match=r"table 'shop.t'.*type DATE"):
        keyed_table(columns=columns, record_level__time_field="day")
    with pytest.raises(ts.InvalidInputError, match=r"table 'shop.t'.*type DATE"):
        append_table(columns=columns, record_level__time_field="day")
    with pytest.raises(ts.InvalidInputError, match=r"needs 'record-level.time-field'"):
        keyed_table(columns=columns, record_level__expire_time="1 d")
