# SPDX-License-Identifier: Apache-2.0
"""The audit API as one Litestar application."""

from typing import NamedTuple

from litestar import Litestar, Router
from litestar.di import Provide
from prometheus_client import CollectorRegistry

from audit_sidecar.query.access import Record, recorded
from audit_sidecar.query.authorise import Gate
from audit_sidecar.query.evidence import Evidence
from audit_sidecar.query.health import Health, livez, metrics, readyz, startupz
from audit_sidecar.query.log_routes import log_checkpoint, log_tile
from audit_sidecar.query.openapi import complete, openapi_config
from audit_sidecar.query.problems import problem_response
from audit_sidecar.query.routes import (
    find_records,
    give_receipt,
    give_receipts,
    prove_record,
    report_completeness,
    show_record,
)
from contracts.tokens import TokenTable


class Doors(NamedTuple):
    """Who may come in, and where it is written down that somebody did. Without tokens every caller is `LOCAL`."""

    tokens: TokenTable | None
    record: Record
    public_log: bool = False


def build_app(evidence: Evidence, health: Health, registry: CollectorRegistry, doors: Doors, version: str) -> Litestar:
    """Open: probes, metrics, OpenAPI, and the log if it is public. Everything else needs the role auditor.

    What shows records leaves an access record first. Receipts, which a service fetches for their owners, and the log,
    which holds no personal data, leave none.
    """
    gate = Gate(doors.tokens)
    auditor = gate.requires("auditor")
    shown = [find_records, show_record, prove_record, report_completeness]
    log = Router("/", route_handlers=[log_checkpoint, log_tile], guards=[] if doors.public_log else [auditor])
    app = Litestar(
        route_handlers=[
            Router("/", route_handlers=[*shown], guards=[recorded(gate, "auditor", doors.record)]),
            Router("/", route_handlers=[give_receipt, give_receipts], guards=[auditor]),
            log,
            livez,
            readyz,
            startupz,
            metrics,
        ],
        dependencies={
            "evidence": Provide(lambda: evidence, sync_to_thread=False),
            "health": Provide(lambda: health, sync_to_thread=False),
            "registry": Provide(lambda: registry, sync_to_thread=False),
        },
        exception_handlers={Exception: problem_response},
        openapi_config=openapi_config(version),
        logging_config=None,
        debug=False,
    )
    complete(app, doors.public_log)
    return app
