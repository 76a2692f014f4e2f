"""What Prometheus is told."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from prometheus_client.parser import text_string_to_metric_families
from web_server import Server, running_server, settings


@pytest.fixture
def server() -> Iterator[Server]:
    """The app, with metrics."""
    with settings(metrics=1), running_server() as running:
        yield running


def values(server: Server) -> dict[str, float]:
    """Every value by its name and the values of its labels."""
    families = text_string_to_metric_families(httpx.get(f"{server.url}/metrics").text)
    return {" ".join((each.name, *each.labels.values())): each.value for family in families for each in family.samples}


def test_metrics_count_jobs_by_how_they_ended_and_tell_of_the_models(server: Server, photo: Path):
    client = Client(server.url, verbose=False)
    client.predict(handle_file(photo), api_name="/colorize_unet")
    with pytest.raises(Exception, match="not installed"):
        client.predict(handle_file(photo), weights="ddcolor_large", api_name="/colorize_transformer")
    found = values(server)
    assert found["colorizers_job_seconds_count unet done"] == 1
    assert found["colorizers_job_seconds_count transformer refused"] == 1
    assert found["colorizers_line"] == found["colorizers_jobs"] == 0
    assert found["colorizers_pool_misses_total"] == 1
    assert found["colorizers_pool_bytes"] > 0
    client.close()


def test_nothing_is_told_unasked():
    with running_server() as server:
        assert httpx.get(f"{server.url}/metrics").status_code == 404
