"""The command line: `glimpse NAME` runs `main` of `PACKAGE/commands/NAME.py`, which is imported only then."""

import sys
from importlib import import_module, metadata

# name: (package, one line of help)
COMMANDS = {
    "demo": ("serve", "simulated amplifier -> LSL -> decoder -> web page; nothing to download"),
    "doctor": ("realtime", "what works on this machine, what does not, and what to do"),
    "certify": ("benchmarks", "what this machine can decode, as a page with plots; takes some minutes"),
    "streams": ("realtime", "LSL streams on the network"),
    "record": ("realtime", "LSL streams into an XDF file that is verified at the end"),
    "replay": ("realtime", "a recorded file as live LSL streams"),
    "data": ("training", "check or list dataset files, draw which sensors are coupled"),
    "train": ("training", "train a network on a dataset file"),
    "evaluate": ("training", "figures of a run or a bundle on a dataset file"),
    "export": ("training", "run -> bundle"),
    "calibrate": ("training", "bundle -> bundle for one person, from minutes of trials"),
    "bank": ("realtime", "build, show and search banks of label vectors"),
    "serve": ("serve", "the server"),
    "bench": (
        "benchmarks",
        "latency, throughput, ingest, soak, accuracy compared with other tools, as figures anybody can rerun",
    ),
}

# module: the extra that installs it, where a command needs more than the base install
EXTRAS = dict.fromkeys(("torch", "onnx", "onnxscript", "mne_bids"), "train")


def main(argv: list[str] | None = None) -> int:
    """Run a sub-command and return its exit status: 0 done, 1 the work failed, 2 bad arguments or input."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: glimpse COMMAND [--help] | glimpse --version\n")
        print("\n".join(f"  {name:<10} {about}" for name, (_, about) in COMMANDS.items()))
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"glimpse {metadata.version('glimpse-bci')}")
        return 0
    if arguments[0] not in COMMANDS:
        print(f"glimpse: {arguments[0]!r} is no command, one of {', '.join(COMMANDS)} is needed", file=sys.stderr)
        return 2
    if arguments[0] == "doctor" and "--certify" in arguments:
        print("glimpse: `doctor --certify` is now `glimpse certify`; version 0.3 drops the old form", file=sys.stderr)
        arguments = ["certify", *(argument for argument in arguments[1:] if argument != "--certify")]
    from realtime.errors import BadInput
    from realtime.sources.lsl.config import configure_liblsl

    configure_liblsl()
    try:
        package, _ = COMMANDS[arguments[0]]
        status: int = import_module(f"{package}.commands.{arguments[0]}").main(arguments[1:])
        return status
    except BadInput as error:
        return _failed(arguments[0], str(error), 2)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        advice = f"pip install 'glimpse-bci[{EXTRAS[error.name]}]'"
        return _failed(arguments[0], f"needs {error.name}; install it with {advice}", 1)
    except RuntimeError as error:
        if "liblsl" not in str(error):
            raise
        return _failed(arguments[0], "liblsl cannot be loaded; `glimpse doctor` says what to do", 1)
    except (OSError, FloatingPointError) as error:
        return _failed(arguments[0], str(error), 1)
    except KeyboardInterrupt:
        return 1


def _failed(command: str, message: str, status: int) -> int:
    print(f"glimpse {command}: {message}", file=sys.stderr)
    return status
