# SPDX-License-Identifier: Apache-2.0
"""Requests to DynamoDB, and what their failures mean for evidence.

A request that only reads may be sent again. An insert is sent once: a library that repeats it after a lost reply would
be told that the item is there already, and nobody would know whose it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
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
_BATCH: Final = 100


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

    def insert(self, table: str, item: Item) -> None:
        """Add an item durably. Duplicate when its key is taken; OutcomeUnknown when no reply came; Pushback."""
        names = list(item)
        fields = ", ".join(f"'{name}': ?" for name in names)
        statement = f'INSERT INTO "{table}" VALUE {{{fields}}}'
        try:
            self._once.execute_statement(Statement=statement, Parameters=[item[name] for name in names])
        except ClientError as error:
            code = _code(error)
            if code in _DUPLICATE:
                raise Duplicate(f"{table}: the key is taken") from error
            if code in _THROTTLED:
                raise Pushback(f"{table} is throttled; come again") from error
            if _status(error) >= 500:
                raise OutcomeUnknown(f"{table}: {error}") from error
            raise _refusal(table, error) from error
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

    def get(self, table: str, key: Item) -> Item | None:
        """An item as the last acknowledged write left it."""
        found: Item | None = self._ask("get_item", table, Key=key, ConsistentRead=True).get("Item")
        return found

    def get_many(self, table: str, keys: Sequence[Item]) -> list[Item]:
        """Those of these items that are there, in no order."""
        found: list[Item] = []
        for low in range(0, len(keys), _BATCH):
            wanted: Any = {table: {"Keys": list(keys[low : low + _BATCH]), "ConsistentRead": True}}
            while wanted:
                answer = self._ask("batch_get_item", None, RequestItems=wanted)
                found += answer["Responses"].get(table, ())
                wanted = answer.get("UnprocessedKeys")
        return found

    def query(self, table: str, condition: str, values: Mapping[str, Any], **options: Any) -> Iterator[Item]:
        """Items in the order of their sort key, page after page; ``options`` are the request's own."""
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
            if "LastEvaluatedKey" not in answer:
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

    def has_table(self, table: str) -> bool:
        """Whether the table is there."""
        try:
            self._client.describe_table(TableName=table)
        except ClientError as error:
            if _code(error) == "ResourceNotFoundException":
                return False
            raise _refusal(table, error) from error
        except (BotoCoreError, OSError) as error:
            raise StoreAway(f"{table} cannot be reached: {error}") from error
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
            raise _refusal(str(table), error) from error
        except (BotoCoreError, OSError) as error:
            raise StoreAway(f"{self.location.prefix} cannot be reached now: {error}") from error


def _refusal(table: str, error: ClientError) -> StoreRefused:
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
