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
from realtime.command_line import TYRO_CONFIG, shipped_folder
from realtime.errors import check_folder_of
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
    port: int = 8765  # port to listen on; 0: any free one
    seed: int | None = None  # of the simulated brain; left out: another one each time


def run_demo(command: DemoCommand) -> dict[str, Any]:
    """Run the demo; the figures of what was decoded."""
    began = monotonic()
    bundle = Bundle.load(DEMO_BUNDLE)
    seed = command.seed if command.seed is not None else 1000 + time_ns() % 10**9
    amplifier = Amplifier(
        name=f"Glimpse demo {seed}",
        ch_names=tuple(bundle.manifest.ch_names),
        sfreq=bundle.manifest.sfreq,
        label_vectors=bundle.bank.vectors,
        labels=bundle.bank.names,
        snr=bundle.manifest.training["simulate"]["snr"],
        seed=seed,
    )
    score = Score()
    settings = Settings(
        bundle=DEMO_BUNDLE,
        stream=amplifier.name,
        markers=f"{amplifier.name}-markers",
        host=command.host,
        port=command.port,
    )
    with simulated_amplifier(amplifier), serving(settings, realtime_backend()) as url:
        console.print(
            f"simulated amplifier {amplifier.name!r}: {len(amplifier.ch_names)} channels, {amplifier.sfreq:g} Hz"
        )
        console.print(f"{bundle.manifest.note} Open {url}")
        if command.browser:
            webbrowser.open(url)
        said = ""
        try:
            for message in watch(url, "s1", score, command.seconds or float("inf")):
                if message["type"] == "status" and message["detail"] != said:
                    said = message["detail"]
                    console.print(f"{message['state']}: {said}")
                while score.over:
                    _tell(score.over.popleft())
        except KeyboardInterrupt:
            console.print("stopped")
    chance = round(1 / score.n_labels, 4) if score.n_labels else None
    return {
        "decisions": score.decisions,
        "trials": score.trials,
        "top1": score.share(1),
        "top5": score.share(5),
        "chance_top1": chance,
        "gaps": score.gaps,
        "first_decision_s": round(score.first_decision - began, 2) if score.first_decision else None,
        "latency_ms": percentiles(score.latency_ms),
        "stages_ms": {stage: percentiles(ms) for stage, ms in score.stages_ms.items()},
        "seed": seed,
    }


def _tell(trial: ScoredTrial) -> None:
    verdict = "wrong" if trial.rank is None else "in the top 5" if trial.rank else "right"
    console.print(f"trial {trial.number:>3}: shown {trial.shown:<10} named {trial.answer[0]:<10} {verdict}")


def main(argv: list[str]) -> int:
    """Run `glimpse demo`."""
    command = tyro.cli(
        Annotated[DemoCommand, tyro.conf.arg(name="")], args=argv, prog="glimpse demo", config=TYRO_CONFIG
    )
    check_folder_of(command.json, "--json")
    try:
        found = run_demo(command)
    except TimeoutError as error:
        console.print(f"glimpse demo: {error}; run `glimpse doctor` to see why")
        return 1
    if command.json:
        command.json.write_text(json.dumps(found, indent=1) + "\n")
    if found["trials"]:
        console.print(
            f"{found['decisions']} decisions; of {found['trials']} trials {found['top1']:.0%} named right, "
            f"{found['top5']:.0%} among the best 5 (chance {found['chance_top1']:.1%}); {found['gaps']} gaps; "
            f"sample to decision p50 {found['latency_ms']['p50']:.1f} ms, p99 {found['latency_ms']['p99']:.1f} ms"
        )
    return 0 if found["decisions"] else 1
