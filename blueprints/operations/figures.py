"""The page of figures (指标): what blueprints.web.metrics has counted in all workers, and today's check-ins by verdict."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import vitals
from models.base import local, reading

CONTENT_TYPE = CONTENT_TYPE_LATEST


def page(engine: Engine, now: datetime) -> bytes:
    """In Prometheus' own text form. Under gunicorn all workers together, by the folder PROMETHEUS_MULTIPROC_DIR."""
    counted = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)
    asked = CollectorRegistry()
    asked.register(CheckIns(engine, now))
    return generate_latest(counted) + generate_latest(asked)


class CheckIns(Collector):
    """Asked of the database at each scrape: right whichever host answers, so a sum over hosts would be wrong."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        self._engine, self._today = engine, local(now).date()

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        gauge = GaugeMetricFamily(
            "site_check_ins_today",
            "Check-ins of this day in Shanghai, by verdict; the same on every host.",
            labels=["verdict"],
        )
        try:
            with reading(), Session(self._engine) as session:
                for verdict, number in vitals.check_ins_on(session, self._today).items():
                    gauge.add_metric([verdict.value], number)
        except SQLAlchemyError:
            return  # the figures of the workers are wanted most when the database is away
        yield gauge
