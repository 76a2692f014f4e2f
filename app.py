"""Starts the web app: what `make run`, Docker and a Hugging Face Space run."""

import argparse

from colorizers.web import serve


def main() -> None:
    """Read the flags and serve the page until the process is stopped."""
    parser = argparse.ArgumentParser(description="Colour black-and-white photographs in the browser.")
    parser.add_argument("--host", help="address to listen on (default: GRADIO_SERVER_NAME, else 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port (default: GRADIO_SERVER_PORT, else the first free from 7860)")
    parser.add_argument("--share", action="store_true", help="open a public link through gradio.live for a week")
    flags = parser.parse_args()
    serve(host=flags.host, port=flags.port, share=flags.share)


if __name__ == "__main__":
    main()
