"""The training loop: AdamW, OneCycle, mixed precision, clipping, a full checkpoint every epoch and exact resume."""

import json
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from decoder.layers.encoder import Network
from training.data.loader import Batch, Example, ShuffledCrops
from training.fit.device import PRECISIONS, choose_precision
from training.fit.fit_method import EpochProgress, Event, ignore
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
            "objective": objective.export_state(),
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

    def mixup(self, signal: Tensor) -> tuple[Tensor, Tensor, float]:
        """Each crop plus another of the batch, at the same power; the index of the other, and the first one's share.

        Evoked responses add, so the sum is a plausible crop of both labels, and the network cannot memorise the
        background of a crop. Zhang et al., ICLR 2018.
        """
        if not self.recipe.mixup:
            return signal, torch.arange(len(signal), device=signal.device), 1.0
        share = float(torch.distributions.Beta(self.recipe.mixup, self.recipe.mixup).sample())
        other = torch.randperm(len(signal), device=signal.device)
        return share**0.5 * signal + (1 - share) ** 0.5 * signal[other], other, share

    def train_epoch(self, batches: DataLoader[Example], window_s: float) -> float:
        """One pass over the crops; the mean loss.

        NonFiniteLossError before a loss or gradient that is not finite changes a weight.
        """
        self.modules.train()
        for name in self.recipe.freeze:
            set_eval(self.network, name)
        total = torch.zeros((), device=self.device)
        for number, batch in enumerate(batches):
            loss = self.loss(Batch(*(tensor.to(self.device, non_blocking=True) for tensor in batch)), window_s)
            torch.autograd.backward(self.scaler.scale(loss))
            self.scaler.unscale_(self.optimiser)
            norm = nn.utils.clip_grad_norm_(self.modules.parameters(), self.recipe.clip_norm)
            # The scaler of fp16 skips steps of infinite gradients by itself; its loss has to be finite all the same.
            if not torch.isfinite(loss if self.scaler.is_enabled() else norm):
                quantity = "loss" if not torch.isfinite(loss) else "gradient"
                raise NonFiniteLossError(self.epoch + 1, number + 1, quantity, batch)
            self.scaler.step(self.optimiser)
            self.scaler.update()
            self.optimiser.zero_grad(set_to_none=True)
            self.schedule.step()
            total += loss.detach()
        self.epoch += 1
        return float(total) / len(batches)

    def loss(self, batch: Batch, window_s: float) -> Tensor:
        """The loss of one batch, with mixup, the teacher's share and the L1 penalty of the recipe."""
        objective, recipe = self.objective, self.recipe
        signal, other, share = self.mixup(batch.signal)
        mask = batch.mask * batch.mask[other]
        weight = hop_weights(batch.onset, mask, window_s)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            embedding = self.network.embed_crops(signal, batch.onset_input)
        loss: Tensor = share * objective(embedding, batch.label, weight) + (1 - share) * objective(
            embedding, batch.label[other], weight
        )
        if batch.teacher.shape[1]:
            loss = loss + recipe.distill * (
                share * objective.distill(embedding, batch.teacher, batch.onset, mask)
                + (1 - share) * objective.distill(embedding, batch.teacher[other], batch.onset, mask)
            )
        if recipe.l1:
            loss = loss + recipe.l1 * absolute_weights(self.network)
        return loss


class NonFiniteLossError(FloatingPointError):
    """A batch whose loss or gradient is not finite; epochs and batches are counted from 1."""

    def __init__(self, epoch: int, number: int, quantity: str, batch: Batch):
        super().__init__(f"epoch {epoch}, batch {number}: the {quantity} is not finite")
        self.saved = {"epoch": epoch, "batch": number, **batch._asdict()}


def absolute_weights(network: nn.Module) -> Tensor:
    """Sum of the absolute weights of matrices and kernels: what an L1 penalty is paid on."""
    return torch.stack([weight.abs().sum() for weight in network.parameters() if weight.ndim > 1]).sum()


def set_eval(network: nn.Module, name: str) -> None:
    """Put a frozen layer in evaluation mode: no dropout, and running statistics that stay as they are."""
    for layer_name, layer in network.named_modules():
        if f"{layer_name}.".startswith(f"{name}."):
            layer.eval()


def run_epochs(
    run: Run,
    trainer: Trainer,
    batches: DataLoader[Example],
    sampler: ShuffledCrops,
    report: Callable[[Event], None] = ignore,
    stop_after: int | None = None,
) -> None:
    """Train to the recipe's last epoch, or `stop_after` epochs, with a checkpoint and a line in the log after each."""
    n_epochs = trainer.recipe.epochs
    report(EpochProgress(trainer.epoch, n_epochs))
    for epoch in range(trainer.epoch, min(n_epochs, stop_after or n_epochs)):
        sampler.epoch = epoch
        try:
            loss = trainer.train_epoch(batches, run.description.window_s[1])
        except NonFiniteLossError as error:
            torch.save(error.saved, run.path / BAD_BATCH)
            checkpoint = f"{run.path / CHECKPOINT} holds epoch {epoch}" if epoch else "no checkpoint was written yet"
            raise FloatingPointError(
                f"{error}; the batch lies in {run.path / BAD_BATCH}, {checkpoint}; look for bad values in its signal "
                "or train with a lower lr"
            ) from error
        run.save_checkpoint(trainer.state())
        line = {"epoch": epoch + 1, "loss": round(loss, 6), "lr": trainer.schedule.get_last_lr()[0]}
        with open(run.path / LOG, "a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        report(EpochProgress(epoch + 1, n_epochs, loss))
