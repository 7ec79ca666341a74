"""Time from the last sample pushed to the decision at a WebSocket client, through LSL, decoder and server on loopback.

The simulated amplifier pushes sample by sample, each at the moment it is due and stamped with that moment. Amplifier,
server and peer are separate processes, so that the processor time of each is measured alone. The client runs here and
reads the same clock. The peer is measured after Glimpse, on the same stream, for as long. A bare pylsl inlet on the
stream gives the lowest possible latency.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pylsl import StreamInlet, local_clock, resolve_byprop

from benchmarks.common.machine import machine
from benchmarks.common.random_bundle import parameters
from benchmarks.common.timing import percentiles, quantiles, summarise_timings
from benchmarks.common.worker_process import START_S, WorkerProcess
from benchmarks.live.context import context
from benchmarks.live.server_process import TimedClients, serve
from benchmarks.peers.live_loop import PeerLoop, run_peer_loop
from benchmarks.peers.network_widths import WIDE, check_peer_loop_installed, check_widths
from realtime.bundle.bundle import Bundle
from realtime.errors import BadInput
from realtime.simulation.amplifier import Amplifier, simulated_amplifier
from serve.commands.demo import DEMO_BUNDLE
from serve.settings import Settings

WARM_UP_S = 5.0  # connections, caches and the clock's line settle; not measured
CONTEXTS_S = (1.0, 2.0, 4.0, 8.0)
PATIENCE_S = 60.0  # for the first decision


def latency(
    seconds: float,
    bundle_path: Path | None,
    peer: str | None,
    contexts_s: tuple[float, ...] = (),
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Percentiles over `seconds` of decisions; of the loop around the network `peer`, too; cost against context."""
    path = bundle_path or DEMO_BUNDLE
    bundle = Bundle.load(path)
    check_peers(path, bundle, peer, contexts_s)
    hop_s = bundle.manifest.hop_samples / bundle.preprocess.sfreq
    amplifier = Amplifier(
        name="glimpse-bench-latency",
        ch_names=tuple(bundle.manifest.ch_names),
        sfreq=bundle.manifest.sfreq,
        label_vectors=bundle.bank.vectors,
        labels=bundle.bank.names,
        chunk_s=1 / bundle.manifest.sfreq,
        wait=False,
    )
    figures: dict[str, Any] = {}
    with simulated_amplifier(amplifier):
        figures |= _own_latency(path, amplifier.name, hop_s, seconds)
        if peer:
            say(f"Glimpse: {figures['push_to_client_ms']}; now the peer")
            figures |= _peer_latency(bundle, amplifier, peer, seconds)
    if contexts_s:
        say("cost against context")
        with WorkerProcess(context, path, contexts_s) as running:
            figures["context"] = running.result(600.0)
    return {
        **figures,
        "channels": len(amplifier.ch_names),
        "sfreq": amplifier.sfreq,
        "hop_s": hop_s,
        "seconds": seconds,
        "machine": machine(),
    }


def check_peers(path: Path, bundle: Bundle, peer: str | None, contexts_s: tuple[float, ...]) -> None:
    """BadInput where the peers cannot be compared with the bundle at `path`.

    It is checked now, because the peers run only minutes later.
    """
    if peer or contexts_s:
        check_peer_loop_installed("--peer none --no-context")
    if contexts_s and (name := bundle.manifest.network.get("name")) != "gat_transformer":
        raise BadInput(
            f"--context: {path} holds {name}, a gat_transformer is needed, whose attention window can be made longer; "
            "add --no-context"
        )
    if names := tuple(WIDE) if contexts_s else (peer,) if peer else ():
        with WorkerProcess(check_widths, names, path) as checking:
            checking.result(START_S)


def _peer_latency(bundle: Bundle, amplifier: Amplifier, peer: str, seconds: float) -> dict[str, Any]:
    n_parameters = parameters(bundle.manifest)
    hop_s = bundle.manifest.hop_samples / bundle.preprocess.sfreq
    loop = PeerLoop(
        stream=amplifier.name,
        sfreq=amplifier.sfreq,
        n_channels=len(amplifier.ch_names),
        n_labels=len(bundle.bank.names),
        hop_samples=round(hop_s * amplifier.sfreq),
        parameters=n_parameters,
        network=peer,
    )
    with WorkerProcess(run_peer_loop, loop, WARM_UP_S, seconds) as running:
        return {"parameters": n_parameters, "peer": running.result(WARM_UP_S + seconds + 300.0)}


def _own_latency(path: Path, stream: str, hop_s: float, seconds: float) -> dict[str, Any]:
    settings = Settings(bundle=path, stream=stream, markers=f"{stream}-markers", port=0)
    floor: list[tuple[float, float]] = []  # (received, milliseconds since pushed)
    done = threading.Event()
    with WorkerProcess(serve, settings) as server:
        clients = TimedClients(server.next_message(), ["s1"], hop_s)
        listener = threading.Thread(target=_measure_floor, args=(stream, floor, done))
        listener.start()
        try:
            wait_decisions(clients)
            time.sleep(WARM_UP_S)
            began, cpu_s = local_clock(), server.cpu_s()
            time.sleep(seconds)
            ended, cpu_s = local_clock(), server.cpu_s() - cpu_s
        finally:
            done.set()
            listener.join()
            clients.close()
        server.finish()
    timing = clients.timings["s1"].between(began, ended)
    if not timing.hops:
        raise TimeoutError(
            f"no decision was due and arrived within {seconds:g} s; last statuses: {clients.statuses[-5:]}"
        )
    return {
        "push_to_client_ms": percentiles(timing.late_ms),
        "quantiles_ms": quantiles(timing.late_ms),
        **stages(clients, began),
        "cpu_ms_per_decision": round(cpu_s * 1e3 / max(len(timing.hops), 1), 3),
        **summarise_timings([timing]),
        "gaps": sum(state == "gap" for _, state in clients.statuses),
        "floor": {
            "name": "bare pylsl inlet on the same stream, no decoding",
            "push_to_pull_ms": percentiles([ms for t, ms in floor if t > began]),
        },
    }


def wait_decisions(clients: TimedClients) -> None:
    """Wait until every session has decided; TimeoutError with the last statuses where one does not."""
    deadline = time.monotonic() + PATIENCE_S
    while not clients.decoding():
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"not every session decided within {PATIENCE_S:g} s; last statuses: {clients.statuses[-5:]}"
            )
        time.sleep(0.05)


def stages(clients: TimedClients, began: float) -> dict[str, Any]:
    """Percentiles of every stage's milliseconds since `began` (LSL seconds), and those of the encoder by themselves."""
    stages_ms = {name: percentiles([ms for t, ms in rows if t >= began]) for name, rows in clients.stages_ms.items()}
    return {"encode_ms": stages_ms.get("encode"), "stages_ms": stages_ms}


def _measure_floor(name: str, floor: list[tuple[float, float]], done: threading.Event) -> None:
    inlet = StreamInlet(resolve_byprop("name", name, timeout=10)[0])
    while not done.is_set():
        _, stamp = inlet.pull_sample(timeout=0.5)
        if stamp is not None:
            now = local_clock()
            floor.append((now, (now - stamp) * 1e3))
    inlet.close_stream()
