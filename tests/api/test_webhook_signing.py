"""Signatures as receivers check them: by the reference library of Standard Webhooks."""

import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from services.api.webhooks.signing import new_secret, signed_headers

BODY = b'{"id":"e-1","note":"\xc3\xa9"}'


def now_s() -> int:
    return int(time.time())  # noqa: TID251 - the receiver's library compares with it


def test_a_message_is_taken_by_who_has_its_secret_and_by_nobody_else() -> None:
    secret = new_secret()
    headers = signed_headers("e-1", now_s(), BODY, [secret])
    assert Webhook(secret).verify(BODY, headers) == {"id": "e-1", "note": "é"}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, {**headers, "webhook-id": "e-2"})


def test_a_message_that_is_sent_again_much_later_is_refused() -> None:
    secret = new_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, signed_headers("e-1", now_s() - 600, BODY, [secret]))


def test_while_a_secret_is_exchanged_both_are_taken() -> None:
    former, new = new_secret(), new_secret()
    assert former != new
    headers = signed_headers("e-1", now_s(), BODY, [new, former])
    for secret in (former, new):
        Webhook(secret).verify(BODY, headers)


def test_the_signature_is_that_of_the_convention() -> None:
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
