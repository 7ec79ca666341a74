"""The command line: one sub-command per need, each imported only when called."""

import sys
from importlib import import_module

COMMANDS = {
    "demo": ("serve", "simulated amplifier -> LSL -> decoder -> web page; nothing to download"),
    "doctor": (
        "realtime",
        "what works on this machine, what does not, what to do; --certify: what it can hold",
    ),
    "streams": ("realtime", "LSL streams in sight"),
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
        "latency, throughput, ingest, soak, accuracy beside other tools, as figures anybody can rerun",
    ),
}


def main(argv: list[str] | None = None) -> int:
    """Run a sub-command; 0 done, 1 the work failed, 2 bad arguments or input."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: glimpse COMMAND [--help]\n")
        print("\n".join(f"  {name:<10} {about}" for name, (_, about) in COMMANDS.items()))
        return 0 if arguments else 2
    if arguments[0] not in COMMANDS:
        print(f"glimpse: {arguments[0]!r} is no command, one of {', '.join(COMMANDS)} is needed", file=sys.stderr)
        return 2
    from realtime.errors import BadInput
    from realtime.sources.lsl.config import configure_liblsl

    configure_liblsl()
    try:
        package, _ = COMMANDS[arguments[0]]
        module = f"{package}.commands.{arguments[0]}"
        if arguments[0] == "doctor" and "--certify" in arguments:  # measures with what realtime must not know
            module = "benchmarks.commands.certify"
        return import_module(module).main(arguments[1:])
    except BadInput as error:
        print(f"glimpse {arguments[0]}: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name in ("torch", "onnx", "onnxscript"):
            extra = "pip install -e '.[train]'"
            print(f"glimpse {arguments[0]}: needs {error.name}; install it with {extra}", file=sys.stderr)
            return 1
        raise
    except RuntimeError as error:
        if "liblsl" not in str(error):
            raise
        print(f"glimpse {arguments[0]}: liblsl cannot be loaded; `glimpse doctor` says what to do", file=sys.stderr)
        return 1
    except (OSError, FloatingPointError) as error:
        print(f"glimpse {arguments[0]}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1
