"""Muon: momentum whose update is made orthogonal, for the matrices inside the blocks.
Source: Jordan et al. 2024, github.com/KellerJordan/Muon; the five steps and their coefficients are from there."""
import math

import torch

STEPS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonal(batch, dtype):
    """Newton-Schulz: [count, rows, columns] with singular values moved towards 1, products in `dtype`."""
    x = batch.to(dtype)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.transpose(1, 2)
    x = x / (x.flatten(1).norm(dim=1)[:, None, None] + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(STEPS):
        gram = x @ x.transpose(1, 2)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.transpose(1, 2) if tall else x).float()


class Muon:
    """Matrices of one shape are stepped together: one batched product instead of many small ones."""

    def __init__(self, matrices, dtype, momentum=0.95, weight_decay=0.02):
        self.dtype = dtype
        self.momentum, self.weight_decay = momentum, weight_decay
        self.groups = {}
        for matrix in matrices:
            self.groups.setdefault(tuple(matrix.shape), []).append(matrix)
        self.buffers = {
            shape: torch.zeros(len(group), *shape, device=group[0].device) for shape, group in self.groups.items()
        }

    @torch.no_grad()
    def step(self, rate):
        for shape, group in self.groups.items():
            gradient = torch.stack([matrix.grad for matrix in group])
            buffer = self.buffers[shape]
            buffer.mul_(self.momentum).add_(gradient, alpha=1 - self.momentum)
            update = orthogonal(gradient.lerp(buffer, self.momentum), self.dtype)  # Nesterov
            update *= math.sqrt(max(1, shape[0] / shape[1]))
            for matrix, change in zip(group, update):
                matrix.mul_(1 - rate * self.weight_decay).add_(change, alpha=-rate)
