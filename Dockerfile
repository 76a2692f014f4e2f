FROM python:3.12-slim

RUN useradd --create-home --uid 1000 user
USER 1000
ENV HOME=/home/user \
    HF_HOME=/home/user/.cache/huggingface \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    PATH=/home/user/.local/bin:$PATH \
    PYTHONUNBUFFERED=1

# Made here so that volumes mounted there belong to the user.
RUN mkdir -p "$HOME/app" "$HF_HOME" "$HOME/.cache/colorizers"
WORKDIR /home/user/app

# For a smaller image without CUDA: --build-arg PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
ARG PIP_EXTRA_INDEX_URL
COPY --chown=1000 requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY --chown=1000 . .
# Gives the command `colorizers`; the files stay where they are.
RUN pip install --no-cache-dir --no-deps -e .

EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/healthz', timeout=5)"]
CMD ["python", "app.py"]
