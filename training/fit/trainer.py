"""The training loop: AdamW, OneCycle, mixed precision, clipping, a full checkpoint every epoch and exact resume."""

import json
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from decoder.layers.encoder import Network
from training.data.loader import Batch, ShuffledCrops
from training.fit.device import PRECISIONS, choose_precision
from training.losses.objective import Objective, hop_weights
from training.runs.recipe import Recipe
from training.runs.run import BAD_BATCH, CHECKPOINT, LOG, Run


def parameter_groups(modules: nn.ModuleList, weight_decay: float) -> list[dict[str, Any]]:
    """Decay for matrices and kernels only: none on norms, biases, temperatures and label vectors."""
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in modules.named_parameters():
        (plain if parameter.ndim < 2 or name.endswith("prototypes") else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


class Trainer:
    """One network, one objective, and everything that changes while they are trained."""

    def __init__(self, network: Network, objective: Objective, recipe: Recipe, n_batches: int, device: torch.device):
        self.recipe, self.device = recipe, device
        self.network, self.objective = network, objective
        self.modules = nn.ModuleList([network, objective]).to(device)
        precision, _ = choose_precision(recipe.precision, device)
        self.dtype = PRECISIONS[precision]
        groups = parameter_groups(self.modules, recipe.weight_decay)
        self.optimiser = torch.optim.AdamW(groups, lr=recipe.lr, fused=device.type == "cuda")
        n_steps = max(3, recipe.epochs * n_batches)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser,
            recipe.lr,
            total_steps=n_steps,
            pct_start=max(recipe.warm_up, 2 / n_steps),  # OneCycleLR divides by zero where a phase takes one step
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
        self.epoch = 0

    def state(self) -> dict[str, Any]:
        """Everything needed to go on exactly."""
        network, objective = self.network, self.objective
        return {
            "epoch": self.epoch,
            "network": network.state_dict(),
            "objective": objective.saved(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "rng": torch.get_rng_state(),
            "rng_cuda": torch.cuda.get_rng_state_all() if self.device.type == "cuda" else [],
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        network, objective = self.network, self.objective
        network.load_state_dict(saved["network"])
        objective.load_state_dict(saved["objective"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.schedule.load_state_dict(saved["schedule"])
        self.scaler.load_state_dict(saved["scaler"])
        torch.set_rng_state(saved["rng"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state_all(saved["rng_cuda"])
        self.epoch = saved["epoch"]

    def mix(self, signal: Tensor) -> tuple[Tensor, Tensor, float]:
        """Each crop with another of the batch added, the power kept: which other, and the first one's share.

        Evoked responses add, so the sum is a plausible crop of both labels, and no background can be learned by heart.
        Zhang et al., ICLR 2018.
        """
        if not self.recipe.mixup:
            return signal, torch.arange(len(signal), device=signal.device), 1.0
        share = float(torch.distributions.Beta(self.recipe.mixup, self.recipe.mixup).sample())
        other = torch.randperm(len(signal), device=signal.device)
        return share**0.5 * signal + (1 - share) ** 0.5 * signal[other], other, share

    def train_epoch(self, batches: DataLoader, window_s: float) -> float:
        """One pass over the crops; the mean loss. NotFinite is raised before a weight is spoiled."""
        network, objective = self.network, self.objective
        self.modules.train()
        for name in self.recipe.freeze:
            set_eval(network, name)
        total = torch.zeros((), device=self.device)
        for number, batch in enumerate(batches):
            signal, heard, onset, counts, label, teacher = (
                tensor.to(self.device, non_blocking=True) for tensor in batch
            )
            signal, other, share = self.mix(signal)
            counts = counts * counts[other]
            weight = hop_weights(onset, counts, window_s)
            with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
                embedding = network.embed_crops(signal, heard)
            loss = share * objective(embedding, label, weight) + (1 - share) * objective(
                embedding, label[other], weight
            )
            if teacher.shape[1]:
                loss = loss + self.recipe.distill * (
                    share * objective.distill(embedding, teacher, onset, counts)
                    + (1 - share) * objective.distill(embedding, teacher[other], onset, counts)
                )
            if self.recipe.l1:
                loss = loss + self.recipe.l1 * absolute_weights(network)
            self.scaler.scale(loss).backward()
            self.scaler.unscale_(self.optimiser)
            norm = nn.utils.clip_grad_norm_(self.modules.parameters(), self.recipe.clip_norm)
            # The scaler of fp16 skips steps of infinite gradients by itself; its loss has to be finite all the same.
            if not torch.isfinite(loss if self.scaler.is_enabled() else norm):
                what = "loss" if not torch.isfinite(loss) else "gradient"
                raise NonFiniteLossError(self.epoch + 1, number + 1, what, batch)
            self.scaler.step(self.optimiser)
            self.scaler.update()
            self.optimiser.zero_grad(set_to_none=True)
            self.schedule.step()
            total += loss.detach()
        self.epoch += 1
        return float(total) / len(batches)


class NonFiniteLossError(FloatingPointError):
    """A batch whose loss or gradient is not finite; epochs and batches are counted from 1."""

    def __init__(self, epoch: int, number: int, what: str, batch: Batch):
        super().__init__(f"epoch {epoch}, batch {number}: the {what} is not finite")
        self.saved = {"epoch": epoch, "batch": number, **batch._asdict()}


def absolute_weights(network: nn.Module) -> Tensor:
    """Sum of the absolute weights of matrices and kernels: what an L1 penalty is paid on."""
    return torch.stack([weight.abs().sum() for weight in network.parameters() if weight.ndim > 1]).sum()


def set_eval(network: nn.Module, name: str) -> None:
    """Let a frozen layer rest: no dropout, and running statistics that stay as they are."""
    for inner, layer in network.named_modules():
        if f"{inner}.".startswith(f"{name}."):
            layer.eval()


def run_epochs(
    run: Run,
    trainer: Trainer,
    batches: DataLoader,
    sampler: ShuffledCrops,
    progress: Callable[[int, float], None],
    stop_after: int | None = None,
) -> None:
    """Train to the recipe's last epoch, or `stop_after` epochs, with a checkpoint and a line in the log after each."""
    for epoch in range(trainer.epoch, min(trainer.recipe.epochs, stop_after or trainer.recipe.epochs)):
        sampler.epoch = epoch
        try:
            loss = trainer.train_epoch(batches, run.description.window_s[1])
        except NonFiniteLossError as error:
            torch.save(error.saved, run.path / BAD_BATCH)
            kept = f"{run.path / CHECKPOINT} holds epoch {epoch}" if epoch else "no checkpoint was written yet"
            raise FloatingPointError(
                f"{error}; the batch lies in {run.path / BAD_BATCH}, {kept}; look for bad values in its signal or "
                "train with a lower lr"
            ) from error
        run.save_checkpoint(trainer.state())
        line = {"epoch": epoch + 1, "loss": round(loss, 6), "lr": trainer.schedule.get_last_lr()[0]}
        with open(run.path / LOG, "a") as log:
            log.write(json.dumps(line) + "\n")
        progress(epoch + 1, loss)
