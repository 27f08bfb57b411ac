# SPDX-License-Identifier: Apache-2.0
"""Requests to DynamoDB, and what their failures mean for evidence.

A request that only reads may be sent again. An insert is sent once: a library that repeats it after a lost reply would
be told that the item is there already, and nobody would know whose it is.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
)
from botocore.session import get_session

from audit_sidecar.errors import AuditError, OutcomeUnknown, Pushback, StoreAway, StoreRefused
from audit_sidecar.stores.dynamodb.location import Location

Item = dict[str, Any]

_THROTTLED: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "ThrottlingError",
        "RequestLimitExceeded",
        "LimitExceededException",
        "TransactionConflictException",
    }
)
_DUPLICATE: Final = frozenset({"DuplicateItemException", "DuplicateItem"})
"""AWS documents the first, DynamoDB Local answers with the second."""
_AGAIN_IN_BATCH: Final = frozenset(
    {"ProvisionedThroughputExceeded", "ThrottlingError", "RequestLimitExceeded", "TransactionConflict",
     "InternalServerError"}
)  # fmt: skip
_NOT_LET_IN: Final = frozenset(
    {"AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException",
     "MissingAuthenticationTokenException", "IncompleteSignatureException"}
)  # fmt: skip
"""Roles and tokens change while a program runs: nothing was done, and it may be let in again."""
_NEVER_SENT: Final = (EndpointConnectionError, ConnectTimeoutError, NoCredentialsError, CredentialRetrievalError)
_BATCH: Final = 100
STATEMENTS: Final = 25
"""Of one batch."""
_TRIES, _FIRST_WAIT = 6, 0.025


class Duplicate(AuditError):
    """An item with this key is there already, and was not changed."""


class ConditionFailed(AuditError):
    """The condition of an update does not hold, and nothing was changed."""


class Requests:
    """One client for what may be repeated, and one for what must not be. Safe for several threads."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self._client = _client(location, attempts=3)
        self._once = _client(location, attempts=1)
        self.sleep: Callable[[float], None] = time.sleep
        """Waits between batches that a throttled table left undone."""

    def insert(self, table: str, item: Item) -> None:
        """Add an item durably. Duplicate when its key is taken; OutcomeUnknown when no reply came; Pushback."""
        try:
            self._once.execute_statement(**_statement(table, item))
        except ClientError as error:
            code = _code(error)
            if code in _DUPLICATE:
                raise Duplicate(f"{table}: the key is taken") from error
            if code in _THROTTLED:
                raise Pushback(f"{table} is throttled; come again") from error
            if _status(error) >= 500:
                raise OutcomeUnknown(f"{table}: {error}") from error
            raise _refusal(table, error) from error
        except _NEVER_SENT as error:
            raise StoreAway(f"{self.location.prefix} cannot be reached now: {error}") from error
        except (BotoCoreError, OSError) as error:
            raise OutcomeUnknown(f"{table}: no reply to an insert: {error}") from error

    def update(self, table: str, key: Item, values: Item, condition: str | None = None, **bound: Any) -> None:
        """Set attributes of an item, made if it is not there. ConditionFailed, StoreAway, Pushback, StoreRefused."""
        names = {f"#a{number}": name for number, name in enumerate(values)}
        placed = {f":a{number}": value for number, value in enumerate(values.values())}
        sets = ", ".join(f"{name} = :a{number}" for number, name in enumerate(names))
        arguments: dict[str, Any] = {"UpdateExpression": f"SET {sets}"}
        if condition is not None:
            arguments["ConditionExpression"] = condition
            placed |= {f":{name}": value for name, value in bound.items()}
        self._ask(
            "update_item",
            table,
            Key=key,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=placed,
            **arguments,
        )

    def change(self, table: str, key: Item, expression: str, names: Mapping[str, str], values: Item) -> Item:
        """Change an item by an update expression, made if it is not there; the whole item as it is then."""
        values = {"ExpressionAttributeValues": values} if values else {}
        found: Item = self._ask(
            "update_item",
            table,
            Key=key,
            UpdateExpression=expression,
            ExpressionAttributeNames=names,
            ReturnValues="ALL_NEW",
            **values,
        )["Attributes"]
        return found

    def get(self, table: str, key: Item) -> Item | None:
        """An item as the last acknowledged write left it."""
        found: Item | None = self._ask("get_item", table, Key=key, ConsistentRead=True).get("Item")
        return found

    def get_many(self, table: str, keys: Sequence[Item]) -> list[Item]:
        """Those of these items that are there, in no order."""
        found: list[Item] = []
        for low in range(0, len(keys), _BATCH):
            wanted: Any = {table: {"Keys": list(keys[low : low + _BATCH]), "ConsistentRead": True}}
            barren = 0
            while wanted:
                answer = self._ask("batch_get_item", None, RequestItems=wanted)
                held = answer["Responses"].get(table, ())
                found += held
                wanted = answer.get("UnprocessedKeys")
                # No error and nothing done is how a throttled batch looks.
                barren = 0 if held else barren + 1
                if wanted and barren:
                    self._wait(barren)
        return found

    def scan(self, table: str) -> Iterator[Item]:
        """Every item of a table, page after page."""
        more: Item = {}
        while True:
            answer = self._ask("scan", table, ConsistentRead=True, **more)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def describe(self, table: str) -> Mapping[str, Any]:
        """What the service says of a table."""
        found: Mapping[str, Any] = self._ask("describe_table", table)["Table"]
        return found

    def insert_missing(self, table: str, items: Sequence[Item]) -> None:
        """Add those items whose keys are not taken, all of one shape; items that are there stay as they are."""
        for low in range(0, len(items), STATEMENTS):
            left = [_statement(table, item) for item in items[low : low + STATEMENTS]]
            tries = 0
            while left:
                answers = self._ask("batch_execute_statement", None, Statements=left)["Responses"]
                left = [one for one, answer in zip(left, answers, strict=True) if _to_do(table, answer)]
                if left:
                    tries += 1
                    self._wait(tries)

    def _wait(self, tries: int) -> None:
        if tries >= _TRIES:
            raise Pushback(f"{self.location.prefix} is throttled; come again")
        self.sleep(_FIRST_WAIT * 2**tries)

    def query(
        self, table: str, condition: str, values: Mapping[str, Any], *, pages: bool = True, **options: Any
    ) -> Iterator[Item]:
        """Items in the order of their sort key, the first page or all; ``options`` are the request's own."""
        more: Item = {}
        while True:
            answer = self._ask(
                "query",
                table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=dict(values),
                ConsistentRead=True,
                **options,
                **more,
            )
            yield from answer["Items"]
            if not pages or "LastEvaluatedKey" not in answer:
                return
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def create_table(self, table: str, key: Sequence[tuple[str, str]]) -> bool:
        """Make a table that bills by request and cannot be deleted by accident; False when it is there."""
        kinds = ("HASH", "RANGE")
        try:
            self._client.create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in key],
                KeySchema=[{"AttributeName": name, "KeyType": kinds[at]} for at, (name, _) in enumerate(key)],
                BillingMode="PAY_PER_REQUEST",
                DeletionProtectionEnabled=True,
            )
            self._client.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        except ClientError as error:
            if _code(error) == "ResourceInUseException":
                return False
            raise _refusal(table, error) from error
        except (BotoCoreError, OSError) as error:
            raise StoreAway(f"{table} cannot be made now: {error}") from error
        return True

    def _ask(self, name: str, table: str | None, **arguments: Any) -> Any:
        call: Callable[..., Any] = getattr(self._client, name)
        try:
            return call(**arguments) if table is None else call(TableName=table, **arguments)
        except ClientError as error:
            code = _code(error)
            if code == "ConditionalCheckFailedException":
                raise ConditionFailed(f"{table}: {error}") from error
            if code in _THROTTLED:
                raise Pushback(f"{self.location.prefix} is throttled; come again") from error
            if _status(error) >= 500:
                raise StoreAway(f"{self.location.prefix} cannot be used now: {error}") from error
            asked = table or next(iter(arguments.get("RequestItems", ())), self.location.prefix)
            raise _refusal(asked, error) from error
        except (BotoCoreError, OSError) as error:
            raise StoreAway(f"{self.location.prefix} cannot be reached now: {error}") from error


def _statement(table: str, item: Item) -> dict[str, Any]:
    fields = ", ".join(f"'{name}': ?" for name in item)
    return {"Statement": f'INSERT INTO "{table}" VALUE {{{fields}}}', "Parameters": list(item.values())}


def _to_do(table: str, answer: Mapping[str, Any]) -> bool:
    """Whether a statement of a batch has to be sent again."""
    error = answer.get("Error")
    if error is None or error["Code"] in _DUPLICATE:
        return False
    if error["Code"] in _AGAIN_IN_BATCH:
        return True
    raise StoreRefused(f"{table} refuses: {error['Code']}: {error.get('Message', '')}")


def _refusal(table: str, error: ClientError) -> AuditError:
    if _code(error) in _NOT_LET_IN:
        return StoreAway(f"{table} does not let this program in: {error}")
    if _code(error) == "ResourceNotFoundException":
        return StoreRefused(f"there is no table {table}; 'countersign store init' makes the log, Pulumi the tables")
    return StoreRefused(f"{table} refuses: {error}")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@lru_cache(1)
def _session() -> Any:
    # Reads the description of the service once, which takes longer than everything else here.
    return get_session()


def _client(location: Location, attempts: int) -> Any:
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=2,
        read_timeout=5,
        max_pool_connections=16,
        # A log is addressed by its table, never by an account's own endpoint name.
        account_id_endpoint_mode="disabled",
    )
    try:
        return _session().create_client("dynamodb", region_name=location.region, config=config)
    except (BotoCoreError, ValueError) as error:
        raise StoreRefused(f"dynamodb://{location.prefix}: {error}; set region and credentials") from error
