"""What arrives is accounted for, and a decoder that is too slow misses its deadlines."""

import threading
import time

import pytest

from benchmarks.common.amplifiers import NoiseAmplifiers, run_amplifiers
from benchmarks.common.worker_process import WorkerProcess
from benchmarks.live import ingest as bench
from realtime.decoding.decoder import Decoder
from realtime.sources.lsl.source import LslSource
from tests.helpers.bundles import CH_NAMES, LABELS, SFREQ, tiny_bundle

SECONDS = 2.0


class Leaky(LslSource):
    """Loses a chunk in the middle without a word."""

    pulls = 0

    def pull(self, *args, **named):
        chunks, markers = super().pull(*args, **named)
        self.pulls += bool(chunks)
        return ([] if self.pulls == 10 else chunks), markers


def decode(tmp_path, monkeypatch) -> dict:
    monkeypatch.setattr(bench, "WARM_UP_S", 0.5)
    path = tiny_bundle(tmp_path / "tiny").path
    rig = NoiseAmplifiers((bench.STREAM,), CH_NAMES, SFREQ, labels=LABELS, counted=True, chunk_samples=2)
    with WorkerProcess(run_amplifiers, rig) as generator:
        generator.next_message()
        found = bench.decode_stream(path, SECONDS, say=print, stop=threading.Event())
        assert generator.finish()["samples"] > SFREQ
    return found


def test_no_sample_is_lost_and_the_processor_share_is_reported(tmp_path, monkeypatch):
    found = decode(tmp_path, monkeypatch)
    assert (found["lost_samples"], found["misnumbered_samples"]) == (0, 0)
    assert found["samples"] > 0
    assert 0 < found["cpu_fraction"] < 3
    assert found["decisions"] > 10
    assert set(found["stages_ms"]) == {"age", "preprocess", "encode", "retrieve"}


def test_samples_that_vanish_on_the_way_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "LslSource", Leaky)
    assert decode(tmp_path, monkeypatch)["lost_samples"] > 0


def test_a_stage_that_takes_longer_than_a_hop_misses_deadlines(tmp_path, monkeypatch):
    decide = Decoder.decide

    def slow(self, *args):
        time.sleep(0.1)  # a hop is 0.0625 s
        return decide(self, *args)

    monkeypatch.setattr(Decoder, "decide", slow)
    found = decode(tmp_path, monkeypatch)
    assert found["deadline_misses"] > 5


@pytest.mark.parametrize("channels", [4, 306])
def test_helmet_sensors_lie_on_the_upper_half_of_a_sphere(channels):
    where = bench.helmet(channels)
    assert where.shape == (channels, 3)
    assert (where[:, 2] > 0).all()
    assert abs((where**2).sum(axis=1) ** 0.5 - bench.HELMET_M).max() < 1e-9
