"""PlayFab's error codes that the simulator gives, with name and HTTP status, and the wrapper around every reply."""
from typing import Any

from message import Reply, json_reply

STATUS_NAMES = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 429: "TooManyRequests"}
# errorCode: HTTP status, name, message. The statuses of 1334 to 1337 are assumed.
ERRORS: dict[int, tuple[int, str, str]] = {
    1000: (400, "InvalidParams", "Invalid input parameters"),
    1004: (400, "InvalidTitleId", "The title id is unknown"),
    1071: (400, "InvalidRequest", "The request is not valid"),
    1074: (401, "NotAuthenticated", "This API method does not allow anonymous callers."),
    1089: (403, "NotAuthorized", "The caller may not do this"),
    1100: (401, "InvalidSessionTicket", "The session ticket is invalid or has expired"),
    1131: (404, "InvalidAPIEndpoint", "No such API endpoint"),
    1144: (400, "InvalidContentType", "Content-Type must be application/json"),
    1199: (429, "APIClientRequestRateLimitExceeded",
           "The client has exceeded the maximum API request rate and is being throttled"),
    1200: (400, "InvalidJSONContent", "The body is no JSON object"),
    1293: (401, "SecretKeyNotFound", "The secret key is not of this title"),
    1298: (400, "InvalidEntity", "The entity is unknown"),
    1334: (401, "EntityTokenMissing", "The entity token is missing"),
    1335: (401, "EntityTokenInvalid", "The entity token is invalid"),
    1336: (401, "EntityTokenExpired", "The entity token has expired"),
    1337: (401, "EntityTokenRevoked", "The entity token was revoked"),
    1373: (400, "InvalidEntityType", "The entity type is not one of PlayFab's"),
    1454: (403, "ForbiddenByEntityPolicy", "The entity is no relation of the caller"),
}


class PlayFabError(Exception):
    def __init__(self, number: int, note: str = "", details: dict[str, list[str]] | None = None) -> None:
        super().__init__(note or ERRORS[number][2])
        self.number, self.details = number, details


def success(data: dict[str, Any], note: str) -> Reply:
    return json_reply({"code": 200, "status": "OK", "data": data}, note=note)


def failure(error: PlayFabError, as_success: bool) -> Reply:
    """as_success (X-ReportErrorAsSuccess): HTTP 200, and the error only in the body."""
    status, name, text = ERRORS[error.number]
    value: dict[str, Any] = {"code": status, "status": STATUS_NAMES[status], "error": name, "errorCode": error.number,
                             "errorMessage": text}
    if error.details:
        value["errorDetails"] = error.details
    reply = json_reply(value, 200 if as_success else status, note=f"{error.number} {error}")
    reply.final = status != 429
    return reply


def throttled(header_s: int, body_s: int, as_success: bool) -> Reply:
    """Two values of how long to wait, which need not agree; the longer one binds."""
    reply = failure(PlayFabError(1199), as_success)
    value = {**reply.raw_json, "retryAfterSeconds": body_s}
    answer = json_reply(value, reply.status, note=reply.note, Retry_After=str(header_s))
    answer.final, answer.retry_floor_s = False, float(max(header_s, body_s))
    return answer
