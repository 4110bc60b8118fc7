"""A standard OAuth client that is not ours, and a person who signs in for it: client.py SETTINGS (as JSON).

Prints a line for each thing that went as it should; the first one that does not ends it.
"""

import base64
import json
import sys
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from browser import Browser, Callback
from joserfc.jwk import KeySet

settings = json.loads(sys.argv[1])
issuer = settings["issuer"]


def main():
    metadata = discover()
    callback = Callback()
    program = OAuth2Session(
        settings["app"],
        scope="orders:read orders:write users:read admin",
        redirect_uri=callback.url,
        code_challenge_method="S256",
        token_endpoint_auth_method="none",
    )
    with Browser() as browser:
        answer, verifier = sign_in(browser, program, metadata, callback)
    token = get_token(program, metadata, answer, verifier)
    the_code_is_of_no_use_again(metadata, callback, answer, verifier)
    the_token_is_what_it_says(metadata, token)
    token = sign_in_and_get_token(program, metadata, callback)
    token = refresh(program, metadata, token)
    revoke(program, metadata, token)
    machine(metadata)


def discover():
    metadata = AuthorizationServerMetadata(get(issuer + "/.well-known/oauth-authorization-server"))
    metadata.validate()
    assert metadata["issuer"] == issuer, metadata
    said("the metadata are valid, by RFC 8414")
    return metadata


def sign_in(browser, program, metadata, callback):
    verifier = generate_token(64)
    url, state = program.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
    browser.open(url)
    browser.screenshot(settings["screenshots"] + "/sign-in.png")
    assert browser.language() == "en" and browser.title(), browser.page()
    assert browser.fields() == {"E-mail address": "username", "Password": "current-password"}, browser.fields()
    assert "admin" not in settings["app"] and settings["app"] in browser.page(), browser.page()
    said("the page has a title, a language, and fields with names")
    browser.sign_in(settings["email"], "not the password")
    refusal = browser.alert()
    browser.screenshot(settings["screenshots"] + "/refused.png")
    browser.sign_in("nobody@example.com", "not the password")
    assert browser.alert() == refusal, browser.alert()
    said(f'a wrong password and a wrong address are told the same: "{refusal}"')
    browser.sign_in(settings["email"], settings["password"])
    assert len(callback.answers) == 1, browser.page()
    answer = callback.answers.pop()
    values = parse_qs(urlsplit(answer).query)
    assert values["state"] == [state] and values["iss"] == [issuer], answer
    said("the right one sends the browser back, with a code, the state and the issuer")
    return answer, verifier


def get_token(program, metadata, answer, verifier):
    token = program.fetch_token(metadata["token_endpoint"], authorization_response=answer, code_verifier=verifier)
    assert token["token_type"] == "Bearer" and token["expires_in"] == 300 and token["refresh_token"], token
    assert token["scope"].split() == ["orders:read", "orders:write", "users:read"], token["scope"]
    me = claims(token)["sub"]
    assert program.get(f"{issuer}/v1/users/{me}").json()["email"] == settings["email"]
    refusal = program.patch(f"{issuer}/v1/users/{me}", json={}, headers={"if-match": "*"})
    assert refusal.status_code == 403 and "insufficient_scope" in refusal.headers["www-authenticate"], refusal.headers
    said("the code becomes a token, which may do what was asked for and is allowed, and nothing else")
    return token


def the_code_is_of_no_use_again(metadata, callback, answer, verifier):
    again = OAuth2Session(settings["app"], redirect_uri=callback.url, token_endpoint_auth_method="none")
    refused(
        "invalid_grant",
        lambda: again.fetch_token(metadata["token_endpoint"], authorization_response=answer, code_verifier=verifier),
    )
    said("the code is of no use again")


def the_token_is_what_it_says(metadata, token):
    keys = KeySet.import_key_set(get(metadata["jwks_uri"]))

    class Validator(JWTBearerTokenValidator):
        def get_jwks(self):
            return keys

    validator = Validator(issuer, "joist")
    verified = validator.authenticate_token(token["access_token"])
    validator.validate_token(verified, ["orders:read"], None)
    said("the token is good, by RFC 9068")


def sign_in_and_get_token(program, metadata, callback):
    verifier = generate_token(64)
    url, _ = program.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
    with Browser() as browser:
        browser.open(url)
        browser.sign_in(settings["email"], settings["password"])
    answer = callback.answers.pop()
    return program.fetch_token(metadata["token_endpoint"], authorization_response=answer, code_verifier=verifier)


def refresh(program, metadata, first):
    second = program.refresh_token(metadata["token_endpoint"], refresh_token=first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert claims(second)["jti"] != claims(first)["jti"]
    said("the token is refreshed, and the refresh token is another")
    third = program.refresh_token(metadata["token_endpoint"], refresh_token=second["refresh_token"])
    return third


def revoke(program, metadata, token):
    answer = program.revoke_token(
        metadata["revocation_endpoint"], token["refresh_token"], token_type_hint="refresh_token"
    )
    assert answer.status_code == 200, answer.text
    refused(
        "invalid_grant",
        lambda: program.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"]),
    )
    said("what is revoked is refreshed no more")


def machine(metadata):
    machine = OAuth2Session(settings["machine"], settings["secret"], scope="users:read orders:write")
    token = machine.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    assert token["scope"] == "users:read" and "refresh_token" not in token, token
    assert claims(token)["sub"] == claims(token)["client_id"] == settings["machine"]
    said("a machine gets a token in its own name, for what it is allowed")
    wrong = OAuth2Session(settings["machine"], "not the secret", scope="users:read")
    refused("invalid_client", lambda: wrong.fetch_token(metadata["token_endpoint"], grant_type="client_credentials"))
    refused(
        "unsupported_grant_type",
        lambda: machine.fetch_token(metadata["token_endpoint"], username=settings["email"], password="x", grant_type="password"),
    )
    said("without its secret it gets none, and nobody gets one for a password")


def refused(error, attempt):
    try:
        attempt()
    except OAuthError as refusal:
        assert refusal.error == error, refusal
    else:
        raise AssertionError(f"no {error}")


def claims(token):
    """As they stand in the token; whether they are true is asked elsewhere."""
    part = token["access_token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def get(url):
    answer = requests.get(url, timeout=10)
    answer.raise_for_status()
    return answer.json()


def said(line):
    print(line, flush=True)


main()
