# SPDX-License-Identifier: Apache-2.0
"""What lies in the state: nothing that is secret can be read there."""

from pathlib import Path

from tests.infra_pulumi.conftest import Cloud
from tests.infra_pulumi.engine.engine import STACKS
from tests.infra_pulumi.engine.made_up import SECRET

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRETS = "1b47061264138c4ac30d75fd1eb44270"
"""The engine's mark of a special value, and of a secret among those."""


def test_a_secret_that_the_provider_answers_is_encrypted_in_the_state(cloud: Cloud) -> None:
    """The database's password would be one, if RDS did not keep it; the engine encrypts it under the passphrase."""
    (database,) = [item for item in cloud.engine.resources("prod") if item["type"] == "aws:rds/cluster:Cluster"]
    kept = database["outputs"]["masterPassword"]
    assert kept[SIGNATURE] == SECRETS
    assert kept["ciphertext"].startswith("v1:")
    assert SECRET not in cloud.engine.state_of("prod")
    shown = cloud.engine.pulumi("stack", "export", "--show-secrets", stack="prod")
    assert SECRET in shown.out, "it was never there to be encrypted"
    refused = cloud.engine.pulumi("stack", "export", "--show-secrets", stack="prod", passphrase="another")
    assert refused.code != 0
    assert "incorrect passphrase" in refused.said


def test_a_plain_state_holds_no_secret_because_the_program_makes_none(cloud: Cloud) -> None:
    """No password is an input: RDS makes the database's own and says where it lies; the log key never leaves KMS."""
    for stack in STACKS:
        for item in cloud.engine.resources(stack):
            named = [
                name for name in item.get("inputs") or {} if "password" in name.lower() or "secret" in name.lower()
            ]
            assert set(named) <= {"manageMasterUserPassword", "masterUserSecretKmsKeyId"}, item["urn"]
    assert cloud.engine.outputs("prod")["database"]["secret"].startswith("arn:aws:secretsmanager:")


def test_nothing_was_fetched_to_run_any_of_it(cloud: Cloud) -> None:
    """The engine keeps what it downloads in its home; there is no plugin in it, and no way to a registry."""
    home = Path(cloud.engine.environment()["PULUMI_HOME"])
    assert home.is_dir()
    assert list(home.glob("plugins/*")) == []
    assert list(home.rglob("resource-aws*")) == []
