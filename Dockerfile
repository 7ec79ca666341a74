# docker build --target serve -t glimpse .          the server with the demo: no torch
# docker build --target train -t glimpse-train .    everything else too
# docker run --rm -p 127.0.0.1:8765:8765 glimpse    the demo
# docker run --rm --network host -v "$PWD/my-bundle:/bundle:ro" glimpse serve --bundle /bundle
# LSL finds streams by multicast, which does not leave a container's own network: live streams need --network host.

# pylsl's wheel needs glibc 2.35 (Debian 12 or newer) and x86_64; on ARM it brings no liblsl: see `glimpse doctor`.
FROM python:3.12-slim AS serve
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
COPY . /source
RUN pip install -c /source/requirements.lock /source && useradd --create-home glimpse && install -d -o glimpse /data
WORKDIR /data
USER glimpse
EXPOSE 8765
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/healthz', timeout=2)"]
ENTRYPOINT ["glimpse"]
CMD ["demo", "--host", "0.0.0.0", "--no-browser"]

FROM serve AS train
USER root
RUN pip install -c /source/requirements.lock '/source[all]'
USER glimpse
HEALTHCHECK NONE
CMD ["--help"]
