"""`glimpse demo`: a simulated amplifier, LSL, the server and its page on this machine; nothing to download."""

import json
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time_ns
from typing import Annotated, Any

import tyro
from rich.console import Console

from realtime.bundle.bundle import Bundle
from realtime.command_line import DEFAULT_PORT, TYRO_CONFIG, shipped_folder
from realtime.errors import check_folder_of
from realtime.live.messages import StatusMessage
from realtime.simulation.amplifier import Amplifier, simulated_amplifier
from serve.api.server import serving
from serve.backend import realtime_backend
from serve.client.client import watch
from serve.client.score import Score, ScoredTrial, percentiles
from serve.settings import Settings

console = Console(highlight=False)
DEMO_BUNDLE = shipped_folder("bundles") / "demo"


@dataclass(frozen=True)
class DemoCommand:
    """Decode a simulated amplifier live and show it in the browser."""

    seconds: float | None = None  # stop so many after the first decision; left out: at Ctrl-C
    browser: bool = True  # open the page
    json: Path | None = None  # write the figures here
    host: str = "127.0.0.1"  # address to listen on; the default is reachable from this machine only
    port: int = DEFAULT_PORT  # port to listen on; 0: any free one
    seed: int | None = None  # of the simulated brain; left out: another one each time


def run_demo(command: DemoCommand) -> dict[str, Any]:
    """Run the demo; returns the figures of its decisions."""
    began = monotonic()
    bundle = Bundle.load(DEMO_BUNDLE)
    amplifier = demo_amplifier(bundle, command.seed if command.seed is not None else 1000 + time_ns() % 10**9)
    settings = Settings(
        bundle=DEMO_BUNDLE,
        stream=amplifier.name,
        markers=f"{amplifier.name}-markers",
        host=command.host,
        port=command.port,
    )
    score = Score()
    with simulated_amplifier(amplifier), serving(settings, realtime_backend()) as url:
        console.print(
            f"simulated amplifier {amplifier.name!r}: {len(amplifier.ch_names)} channels, {amplifier.sfreq:g} Hz"
        )
        console.print(f"{bundle.manifest.note} Open {url}")
        if command.browser:
            webbrowser.open(url)
        try:
            print_messages(url, score, command.seconds or float("inf"))
        except KeyboardInterrupt:
            console.print("stopped")
    return figures(score, began) | {"seed": amplifier.seed}


def demo_amplifier(bundle: Bundle, seed: int) -> Amplifier:
    """An amplifier with the channels and the labels of the bundle."""
    return Amplifier(
        name=f"Glimpse demo {seed}",
        ch_names=tuple(bundle.manifest.ch_names),
        sfreq=bundle.manifest.sfreq,
        label_vectors=bundle.bank.vectors,
        labels=bundle.bank.names,
        snr=bundle.manifest.training["simulate"]["snr"],
        seed=seed,
    )


def print_messages(url: str, score: Score, seconds: float) -> None:
    """Follow the first session and print its statuses and finished trials."""
    last_detail = ""
    for message in watch(url, "s1", score, seconds):
        if isinstance(message, StatusMessage) and message.detail != last_detail:
            last_detail = message.detail
            console.print(f"{message.state}: {message.detail}")
        while score.finished:
            _print_trial(score.finished.popleft())


def figures(score: Score, began: float) -> dict[str, Any]:
    """The figures as JSON; `began` is the `time.monotonic()` at which the demo was started.

    `latency_ms` and `stages_ms` are of the decisions after start-up, `startup` of the others (see Score).
    """
    return {
        "decisions": score.decisions,
        "trials": score.trials,
        "top1": score.top_k_share(1),
        "top5": score.top_k_share(5),
        "chance_top1": round(1 / score.n_labels, 4) if score.n_labels else None,
        "gaps": score.gaps,
        "first_decision_s": round(score.first_decision - began, 2) if score.first_decision else None,
        "latency_ms": percentiles(score.latency_ms),
        "startup": {"decisions": len(score.startup_ms), "latency_ms": percentiles(score.startup_ms)},
        "stages_ms": {stage: percentiles(ms) for stage, ms in score.stages_ms.items()},
    }


def _print_trial(trial: ScoredTrial) -> None:
    verdict = "wrong" if trial.rank is None else "in the top 5" if trial.rank else "right"
    console.print(f"trial {trial.number:>3}: shown {trial.shown:<10} decoded {trial.answer[0]:<10} {verdict}")


def main(argv: list[str]) -> int:
    """Run `glimpse demo`."""
    command = tyro.cli(
        Annotated[DemoCommand, tyro.conf.arg(name="")], args=argv, prog="glimpse demo", config=TYRO_CONFIG
    )
    check_folder_of(command.json, "--json")
    try:
        result = run_demo(command)
    except TimeoutError as error:
        console.print(f"glimpse demo: {error}; run `glimpse doctor` to see why")
        return 1
    if command.json:
        command.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if result["trials"]:
        console.print(
            f"{result['decisions']} decisions; of {result['trials']} trials {result['top1']:.0%} decoded right, "
            f"{result['top5']:.0%} among the best 5 (chance {result['chance_top1']:.1%}); {result['gaps']} gaps; "
            f"sample to decision p50 {result['latency_ms']['p50']:.1f} ms, p99 {result['latency_ms']['p99']:.1f} ms"
        )
    return 0 if result["decisions"] else 1
