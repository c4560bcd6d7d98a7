"""Amazon's signature, by the example that its documentation gives with every intermediate result."""

from __future__ import annotations

from datetime import UTC, datetime

from delivery.sigv4 import Credentials, signed

EXAMPLE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/" + "K7MDENG+bPxRfiCYEXAMPLEKEY")
URL = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)


def test_the_documented_request_gets_the_documented_signature() -> None:
    headers = signed(EXAMPLE, "GET", URL, b"", FORM, region="us-east-1", service="iam", at=AT)
    assert headers["X-Amz-Date"] == "20150830T123600Z"
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )


def test_the_token_of_credentials_that_expire_is_sent_and_signed() -> None:
    expiring = Credentials(EXAMPLE.access_key_id, EXAMPLE.secret_access_key, "token")
    headers = signed(expiring, "POST", URL, b"query=up", FORM, region="us-east-1", service="aps", at=AT)
    assert headers["X-Amz-Security-Token"] == "token"
    assert "content-type;host;x-amz-date;x-amz-security-token" in headers["Authorization"]


def test_credentials_do_not_show_in_messages() -> None:
    assert EXAMPLE.secret_access_key not in repr(EXAMPLE)
