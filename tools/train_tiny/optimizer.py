"""Muon for the matrices of attention and experts, AdamW for everything else."""

import torch

WEIGHT_DECAY = 0.05


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised by Newton-Schulz steps (K. Jordan, 2024), scaled to
    the size of an AdamW update. Matrices may be stacked in leading dimensions."""

    def __init__(self, parameters):
        super().__init__(parameters, {"lr": 0.0, "momentum": 0.95, "weight_decay": WEIGHT_DECAY})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                momentum = state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                update = orthogonalize(parameter.grad.lerp(momentum, group["momentum"]))
                scale = 0.2 * max(parameter.shape[-2:]) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"] * scale)


def orthogonalize(matrix):
    """Brings the singular values of `matrix` [..., rows, columns] near 1."""
    wide = matrix.shape[-2] <= matrix.shape[-1]
    x = matrix if wide else matrix.transpose(-1, -2)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    a, b, c = 3.4445, -4.7750, 2.0315
    for _ in range(5):
        gram = x @ x.transpose(-1, -2)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide else x.transpose(-1, -2)


def build_optimizers(model):
    def is_matrix(name):
        return any(part in name for part in ("_proj.weight", "gate_up_proj", "down_proj")) and (
            not name.endswith("bias"))

    named = list(model.named_parameters())
    matrices = [p for n, p in named if is_matrix(n)]
    plain = [p for n, p in named if not is_matrix(n) and p.ndim > 1]
    undecayed = [p for n, p in named if not is_matrix(n) and p.ndim == 1]
    adam = torch.optim.AdamW(
        [{"params": plain, "weight_decay": WEIGHT_DECAY},
         {"params": undecayed, "weight_decay": 0.0}], betas=(0.9, 0.98))
    return [Muon(matrices), adam]
