"""The providers' own refusals and the class of each, by their documentation: provider, status, body, class as a letter of
fault_rows.LETTERS, our code. By hand, as fault_rows."""
from typing import Any

Words = tuple[str, int, dict[str, Any], str, str]


def error(code: str, description: str = "") -> dict[str, Any]:
    return {"error": code, **({"error_description": description} if description else {})}


def immersve(status: int, code: str, reason: str = "Unauthorized") -> dict[str, Any]:
    return {"statusCode": status, "statusName": "x", "errorCode": code, "reason": reason}


def playfab(number: int, code: int = 400) -> dict[str, Any]:
    return {"code": code, "status": "BadRequest", "errorCode": number, "errorMessage": "no"}


OAUTH = [(400, error("invalid_client"), "C", "invalid_client"), (401, error("invalid_client"), "C", "invalid_client"),
         (400, error("unauthorized_client"), "C", "unauthorized_client"), (400, error("invalid_scope"), "C", "invalid_scope"),
         (400, error("invalid_request"), "N", "invalid_request"),
         (400, error("unsupported_grant_type"), "N", "unsupported_grant_type"),
         (400, error("temporarily_unavailable"), "R", "temporarily_unavailable"), (400, error("server_error"), "R", "server_error"),
         (400, {"error": {"code": 1}}, "C", "unknown_error"), (400, error("who_knows"), "C", "unknown_error")]
WORDS: list[Words] = [
    ("webroot", 400, error("invalid_grant"), "X", "invalid_grant"),
    ("webroot", 400, error("invalid_request", '{"error":"invalid_grant"}'), "X", "invalid_grant"),
    ("webroot", 400, error("invalid_request", '{"error":"invalid_client"}'), "C", "invalid_client"),
    ("webroot", 400, error("invalid_request", "{not json"), "N", "invalid_request"),
    *(("webroot", *words) for words in OAUTH),
    ("oauth2 refresh", 400, error("invalid_grant"), "X", "invalid_grant"),
    ("oauth2 refresh", 200, error("invalid_grant"), "X", "invalid_grant"),
    ("oauth2 refresh", 400, error("invalid_request", '{"error":"invalid_grant"}'), "N", "invalid_request"),
    ("oauth2 refresh", 400, {"status": 400, "message": "Invalid refresh token"}, "C", "unknown_error"),
    ("oauth2 refresh", 400, error("slow_down"), "R", "slow_down"),
    *(("oauth2 refresh", *words) for words in OAUTH),
    ("oauth2 client", 400, error("invalid_grant"), "C", "invalid_grant"),
    *(("oauth2 client", *words) for words in OAUTH),
    ("threekit", 401, {"message": "Unauthorized"}, "C", "rejected"),
    ("threekit", 403, {"message": "Forbidden"}, "C", "forbidden"),
    ("readyplayerme", 400, {"message": "userId"}, "N", "bad_request"),
    ("readyplayerme", 401, {"message": "Invalid API key"}, "C", "invalid_api_key"),
    ("readyplayerme", 402, {"message": "failed"}, "C", "request_failed"),
    ("readyplayerme", 403, {"message": "User has not authorized"}, "X", "not_authorized"),
    ("readyplayerme", 404, {"message": "Not found"}, "C", "unknown_user"),
    ("immersve", 403, immersve(403, "REFRESH_TOKEN_EXPIRED"), "X", "refresh_token_expired"),
    ("immersve", 403, immersve(403, "FORBIDDEN", "REFRESH_TOKEN_EXPIRED"), "X", "refresh_token_expired"),
    ("immersve", 401, immersve(401, "UNAUTHORIZED"), "X", "unauthorized"),
    ("immersve", 403, immersve(403, "CLIENT_APPLICATION_MISMATCH"), "C", "client_application_mismatch"),
    ("immersve", 403, immersve(403, "FORBIDDEN", "ORIGIN_NOT_ALLOWED"), "C", "origin_not_allowed"),
    ("immersve", 403, immersve(403, "FORBIDDEN"), "C", "forbidden"),
    ("immersve", 403, immersve(403, "SOMETHING_NEW"), "C", "forbidden"),
    ("immersve", 400, immersve(400, "INVALID_REQUEST_INPUT"), "N", "invalid_request_input"),
    ("immersve", 404, immersve(404, "NOT_FOUND"), "C", "http_404"),
    ("immersve", 429, immersve(429, "TOO_MANY_REQUESTS"), "R", "http_429"),
    ("immersve", 500, immersve(500, "INTERNAL_SERVER_ERROR"), "A", "http_500"),
    *(("playfab entity", 401, playfab(number, 401), "X", code) for number, code in (
        (1334, "entity_token_missing"), (1335, "entity_token_invalid"), (1336, "entity_token_expired"),
        (1337, "entity_token_revoked"), (1074, "not_authenticated"))),
    ("playfab entity", 200, playfab(1336, 401), "X", "entity_token_expired"),
    ("playfab entity", 400, playfab(1002), "X", "account_banned"),
    *(("playfab secret", 401, playfab(number, 401), "C", code) for number, code in (
        (1074, "not_authenticated"), (1089, "not_authorized"), (1293, "secret_key_not_found"))),
    *((column, 400, playfab(number), letter, code) for column in ("playfab secret", "playfab entity") for number, letter, code in (
        (1199, "R", "rate_limited"), (1342, "R", "too_many_at_once"), (1133, "R", "concurrent_edit"),
        (1287, "R", "update_rate_limited"), (1123, "R", "service_unavailable"), (1127, "R", "downstream_service_unavailable"),
        (1110, "R", "internal_server_error"), (500, "R", "unknown_server_error"), (1004, "C", "invalid_title_id"),
        (1131, "C", "invalid_api_endpoint"), (1191, "C", "not_authorized_by_title"), (1214, "C", "over_limit"),
        (1295, "C", "api_disabled_for_title"), (1298, "C", "no_such_profile"), (1307, "C", "invalid_entity_id"),
        (1347, "C", "title_deleted"), (1373, "C", "invalid_entity_type"), (1454, "C", "forbidden_by_policy"),
        (1000, "N", "invalid_params"), (1071, "N", "invalid_request"), (1144, "N", "invalid_content_type"),
        (1200, "N", "invalid_json"), (9999, "C", "unknown_error"))),
    *((column, status, playfab(9999, status), letter, "unknown_error") for column in ("playfab secret", "playfab entity")
      for status, letter in ((200, "C"), (409, "R"), (429, "R"), (500, "R"), (501, "C"), (503, "R"))),
]
