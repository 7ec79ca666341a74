"""Which device and which precision to train with."""

import torch

from realtime.errors import BadInput

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device() -> tuple[torch.device, str]:
    """The device to train on and why."""
    if torch.cuda.is_available():
        return torch.device("cuda"), f"{torch.cuda.get_device_name()} is available"
    return torch.device("cpu"), "no CUDA device is available"


def choose_precision(requested: str, device: torch.device) -> tuple[str, str]:
    """The autocast precision and why; `auto`: bf16 where the device has it, else fp16 with a scaler, fp32 on CPU."""
    if requested not in ("auto", *PRECISIONS):
        raise BadInput(f"recipe: precision is {requested!r}, but needs to be auto, {', '.join(PRECISIONS)}; correct it")
    if requested != "auto":
        return requested, "the recipe asks for it"
    if device.type == "cpu":
        return "fp32", "the CPU gains nothing from less"
    return ("bf16", "the device has it") if torch.cuda.is_bf16_supported() else ("fp16", "the device lacks bf16")
