"""Opens what a session publishes on besides the web, and its recording, by its request and the server's settings."""

import asyncio
from pathlib import Path
from tempfile import TemporaryFile

from realtime.errors import BadInput
from realtime.live.decision_outlet import DecisionOutlet
from realtime.live.messages import HelloMessage
from realtime.recorder.bids_names import BidsName
from realtime.sources.lsl.markers import SOURCE
from serve.backend import Backend
from serve.metrics import Metrics
from serve.sessions.osc import OscSink, osc_address
from serve.sessions.output import Output, OutputSink
from serve.sessions.recording import SessionRecording
from serve.sessions.running import RunningSession
from serve.settings import Settings


def check_record(folder: Path) -> None:
    """Make the folder where it is not there, as `glimpse record` does; BadInput unless it can be written into."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInput(
            f"--record: {folder} cannot be written into ({error.strerror}); name a folder that can."
        ) from None


class OutputFactory:
    """Opens the outputs and the recording of sessions; raises BadInput where the settings cannot be met."""

    def __init__(self, settings: Settings, backend: Backend, metrics: Metrics) -> None:
        self.folder, self.backend, self.metrics = settings.record, backend, metrics
        self.osc = osc_address(settings.osc) if settings.osc is not None else None
        self.name = BidsName(sub=settings.sub, ses=settings.ses, task=settings.task)
        if self.folder is not None:
            check_record(self.folder)

    async def open(self, running: RunningSession) -> None:
        """Open the outputs that the session's request names."""
        session, request = running.hub.session, running.request
        if request.record and "://" in request.stream:
            raise BadInput(
                f"record: {request.stream} is no LSL stream, and only those can be recorded; use its own recorder and "
                'open the session with "record": false.'
            )
        sinks: dict[str, OutputSink] = {}
        published: tuple[str, ...] = ()
        if request.lsl or request.record:  # the recorder gets decisions over LSL
            outlet = await asyncio.to_thread(self._outlet, running.hub.hello)
            sinks["lsl"], published = outlet, outlet.stream_names
        if self.osc is not None:
            sinks["osc"] = OscSink(session, self.osc)
        lost = self.metrics.outputs_dropped
        running.outputs = [Output(name, sink, lost.labels(session, name).inc) for name, sink in sinks.items()]
        if request.record and self.folder is not None:
            markers = await asyncio.to_thread(self._marker_streams, request.markers)
            streams = [request.stream, *markers, *published]
            running.recording = SessionRecording(self.folder, streams, self.name, running.report_status)

    def _outlet(self, hello: HelloMessage) -> DecisionOutlet:
        """The LSL streams of a session's decisions, with names that begin with that of the decoded stream."""
        stream = hello.stream
        rows = [row for row in self.backend.streams() if stream in (row.name, row.source_id)]
        name, source_id = (rows[0].name, rows[0].source_id) if len(rows) == 1 else (stream, "")
        outlet = DecisionOutlet(name, source_id, hello.session)
        outlet.send(hello)
        return outlet

    def _marker_streams(self, requested: str | None) -> list[str]:
        """Names of the marker streams that a session reads: the requested ones, else all."""
        if requested is not None:
            return [name.strip() for name in requested.split(",")]
        rows = [row for row in self.backend.streams() if row.is_marker]
        return [row.name for row in rows if not row.source_id.startswith(SOURCE)]
