"""The web app: the only part of the project that knows Gradio."""

import os

# Both are read when gradio is first imported: no usage data is sent.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

from colorizers.web.launch import serve, wait

__all__ = ["serve", "wait"]
