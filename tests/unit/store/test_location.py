"""Paths and URIs are taken apart; what is secret in them is never part of what is shown."""

from __future__ import annotations

import pickle

import pytest

from tablestore.errors import InvalidInputError
from tablestore.store.location import Location
from tablestore.store.registry import Storage, open_store
from tablestore.store.secret import Secret, without


@pytest.mark.parametrize(
    ("uri", "shown", "scheme"),
    [
        ("./lake", "./lake", "file"),
        ("file:/a/b", "/a/b", "file"),
        ("file:///a/b", "/a/b", "file"),
        ("file://localhost/a/b", "/a/b", "file"),
        ("memory://x/y", "memory://x/y", "memory"),
        ("s3://bucket/a/b/", "s3://bucket/a/b", "s3"),
        ("s3a://bucket", "s3://bucket", "s3"),
        ("S3://bucket/x", "s3://bucket/x", "s3"),
        ("abfs://box@account/x", "abfs://box@account/x", "abfs"),
        ("s3://AKID:pass%2Fword@bucket/x", "s3://bucket/x", "s3"),
        ("sftp://me:pass%2Fword@host/x", "sftp://host/x", "sftp"),
    ],
)
def test_a_place_is_shown_without_its_credentials(uri, shown, scheme):
    found = Location.parse(uri)
    assert (found.uri, found.scheme) == (shown, scheme)
    assert "pass" not in repr(found).replace("password", "")
    if "%2F" in uri:
        assert "pass/word" in {secret.reveal() for secret in found.credentials.values()}
    else:
        assert not found.credentials


@pytest.mark.parametrize(
    "uri", ["s3://", "s3:///x", "s3://localhost:9000/b", "s3://b/x?sig=zzzz", "file://host/x"]
)
def test_a_place_that_cannot_be_meant_is_refused(uri):
    with pytest.raises(InvalidInputError) as caught:
        Location.parse(uri)
    assert "zzzz" not in str(caught.value)


def test_a_local_place_takes_no_storage_options(tmp_path):
    with pytest.raises(InvalidInputError, match="without storage options: found 'secret'"):
        open_store(str(tmp_path), {"secret": "zzzz"})


def test_a_storage_shows_no_option():
    assert repr(Storage("s3://b/x", {"key": "zzzz", "secret": "yyyy"})) == "Storage('s3://b/x')"


def test_a_secret_is_never_shown():
    secret = Secret("zzzz1234")
    assert {str(secret), repr(secret), f"{secret}", f"{secret:>20}", "%s" % secret} == {"***"}  # noqa: UP031
    assert "zzzz" not in repr({"secret": secret}) + repr([secret])
    assert secret.reveal() == "zzzz1234"
    assert secret == Secret("zzzz1234") != Secret("other")
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_message_is_cleared_of_secrets_the_longer_first():
    secrets = [Secret("abcd"), Secret("abcdef"), Secret("x")]
    assert without("abcdef, abcd and x", secrets) == "***, *** and x"
