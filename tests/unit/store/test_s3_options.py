"""The words of four libraries mean the same; nothing unknown or contradictory passes."""

from __future__ import annotations

import pytest

from tablestore.errors import InvalidInputError
from tablestore.store.s3_options import S3Options, is_storage_option
from tablestore.store.secret import Secret

PLAIN = {"key": "AKID", "secret": "s3cr3t/value", "endpoint_url": "http://h:1", "region": "eu-1"}
SPELLINGS = {
    "s3fs": {
        "key": "AKID",
        "secret": "s3cr3t/value",
        "endpoint_url": "http://h:1",
        "client_kwargs": {"region_name": "eu-1"},
    },
    "s3fs, the long way": {
        "client_kwargs": {
            "aws_access_key_id": "AKID",
            "aws_secret_access_key": "s3cr3t/value",
            "endpoint_url": "http://h:1",
            "region_name": "eu-1",
        }
    },
    "Java Paimon": {
        "s3.access-key": "AKID",
        "s3.secret-key": "s3cr3t/value",
        "s3.endpoint": "http://h:1/",
        "s3.region": "eu-1",
    },
    "pypaimon": {
        "fs.s3.accessKeyId": "AKID",
        "fs.s3.accessKeySecret": "s3cr3t/value",
        "fs.s3.endpoint": "http://h:1",
        "fs.s3.region": "eu-1",
    },
    "Hadoop": {
        "fs.s3a.access.key": "AKID",
        "fs.s3a.secret.key": "s3cr3t/value",
        "fs.s3a.endpoint": "http://h:1",
        "fs.s3a.endpoint.region": "eu-1",
    },
    "pyiceberg": {
        "s3.access-key-id": "AKID",
        "s3.secret-access-key": "s3cr3t/value",
        "s3.endpoint": "http://h:1",
        "s3.region": "eu-1",
    },
    "delta-rs": {
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "s3cr3t/value",
        "AWS_ENDPOINT_URL": "http://h:1",
        "AWS_REGION": "eu-1",
        "AWS_ALLOW_HTTP": "true",
        "AWS_S3_ALLOW_UNSAFE_RENAME": "true",
    },
    "delta-rs, lower case": {
        "access_key_id": "AKID",
        "secret_access_key": "s3cr3t/value",
        "endpoint": "h:1",
        "region": "eu-1",
        "allow_http": "true",
    },
    "pyarrow": {
        "access_key": "AKID",
        "secret_key": "s3cr3t/value",
        "region": "eu-1",
        "endpoint_override": "http://h:1",
    },
    "two words of one meaning": {**PLAIN, "AWS_REGION": "eu-1"},
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_all_spellings_reach_the_same_server_with_the_same_key(spelling):
    found = S3Options.parse(SPELLINGS[spelling])
    assert found.key == Secret("AKID")
    assert found.secret == Secret("s3cr3t/value")
    assert (found.endpoint_url, found.region) == ("http://h:1", "eu-1")
    assert found.identity() == S3Options.parse(PLAIN).identity()


def test_what_differs_has_another_identity():
    other = {**PLAIN, "secret": "another"}
    assert S3Options.parse(other).identity() != S3Options.parse(PLAIN).identity()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sekret": "zzzz"}, "unknown storage option 'sekret' .*did you mean 'secret'"),
        ({"s3.acess-key": "zzzz"}, "did you mean 's3.access-key'"),
        ({**PLAIN, "AWS_SECRET_ACCESS_KEY": "zzzz"}, "'secret' and 'AWS_SECRET_ACCESS_KEY'"),
        ({**PLAIN, "client_kwargs": {"endpoint_url": "http://zzzz"}}, "'endpoint_url'"),
        ({"key": "zzzz"}, "'key' but not 'secret'"),
        ({"token": "zzzz"}, "'token' but neither"),
        ({**PLAIN, "anon": True}, "'key' and 'anon'"),
        ({**PLAIN, "profile": "zzzz"}, "'key' and 'profile'"),
        ({**PLAIN, "use_ssl": True}, "'use_ssl' and 'endpoint_url'"),
        ({"endpoint_url": "http://u:zzzz@h:1"}, "holds a user"),
        ({"endpoint_url": "ftp://zzzz"}, "no http"),
        ({"path_style": "true", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true"}, "'path_style'"),
        ({"use_ssl": "zzzz"}, "must be true or false"),
        ({"connect_timeout": "zzzz"}, "must be a positive number"),
        ({"connect_timeout": -1}, "must be a positive number"),
        ({"credentials": "zzzz"}, "must be something to call"),
        ({"client_kwargs": "zzzz"}, "must be a mapping"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_a_value(options, sentence):
    with pytest.raises(InvalidInputError, match=sentence) as caught:
        S3Options.parse(options)
    assert "zzzz" not in str(caught.value)


def test_the_user_of_a_uri_agrees_with_the_options_or_is_refused():
    of_uri = {"key": Secret("AKID"), "secret": Secret("s3cr3t/value")}
    assert S3Options.parse(PLAIN, of_uri).key == Secret("AKID")
    with pytest.raises(InvalidInputError, match="'the URI' and 'key'"):
        S3Options.parse({**PLAIN, "key": "OTHER"}, of_uri)


def test_styles_of_addresses_and_seconds_are_understood():
    assert S3Options.parse({"s3.path.style.access": "true"}).path_style is True
    assert S3Options.parse({"s3.force-virtual-addressing": True}).path_style is False
    assert S3Options.parse({}).path_style is None
    assert S3Options.parse({"s3.connect-timeout": "7.5"}).connect_timeout == 7.5
    assert S3Options.parse({"config_kwargs": {"read_timeout": 9}}).read_timeout == 9
    assert S3Options.parse({"endpoint": "h:1"}).endpoint_url == "https://h:1"


def test_words_of_storage_are_told_from_words_of_tables():
    assert is_storage_option("s3.secret-key")
    assert is_storage_option("AWS_SECRET_ACCESS_KEY")
    assert not is_storage_option("bucket-key")
    assert not is_storage_option("region")
