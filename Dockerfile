# For a CPU:           docker build -t colorizers .
# For an NVIDIA GPU:   docker build -t colorizers --build-arg TORCH_INDEX= .
# docs/deploy.md has how to run it; compose.yaml is an example.
FROM python:3.12-slim

RUN useradd --create-home --uid 1000 user && mkdir /data && chown user /data
USER 1000
WORKDIR /home/user/app

# Where torch and torchvision come from: its builds for the CPU, or, when empty, PyPI's, which bring CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PATH=/home/user/.local/bin:$PATH PYTHONUNBUFFERED=1
COPY --chown=1000 requirements.txt .
RUN if [ -n "$TORCH_INDEX" ]; then \
        pip install --no-cache-dir --no-deps --index-url "$TORCH_INDEX" $(grep -E '^torch(vision)?==' requirements.txt); \
    fi; \
    pip install --no-cache-dir -r requirements.txt
COPY --chown=1000 . .
# Gives the command `colorizers`; the files stay where they are.
RUN pip install --no-cache-dir --no-deps -e .

# All that is written, visitors' pictures and downloads of weights, is written into this one volume.
ENV COLORIZERS_CACHE_DIR=/data/cache \
    HF_HOME=/data/huggingface \
    TMPDIR=/data/tmp \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/healthz', timeout=5)"]
# The volume may be empty. `exec`, so that SIGTERM reaches the server, which then ends its jobs.
CMD ["sh", "-c", "mkdir -p \"$TMPDIR\" && exec python app.py"]
