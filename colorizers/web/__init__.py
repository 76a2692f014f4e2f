"""The web app: the only part of the project that knows Gradio."""

import os

from colorizers.web.stubs import do_without_stubs

# Both are read when gradio is first imported: no usage data is sent.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

do_without_stubs()

from colorizers.web.launch import serve, wait  # noqa: E402 - imports Gradio

__all__ = ["serve", "wait"]
