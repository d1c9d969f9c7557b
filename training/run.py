"""What every training run needs: device, seeds, autocast, checkpoints that hold their own configuration."""
import dataclasses
import os

import numpy as np
import torch
from gguf import read_model
from model import Config, Llama


def pick_device(name):
    """`auto` is CUDA where PyTorch finds it. On CPU the thread count of OMP_NUM_THREADS is made PyTorch's own."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu" and "OMP_NUM_THREADS" in os.environ:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    return torch.device(name)


def seed_all(seed):
    """Seeds PyTorch on every device; returns the generator that draws the data."""
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


def pick_dtype(name, device):
    """Of matrix products. `auto`: bfloat16 on a GPU, float32 on a CPU, most of which emulate bfloat16 slowly; those
    with AMX or AVX512-BF16 gain from asking for it."""
    if name == "auto":
        name = "bfloat16" if device.type == "cuda" else "float32"
    return {"bfloat16": torch.bfloat16, "float32": torch.float32}[name]


def products_in(dtype, device):
    """Matrix products of the network in `dtype`, the rest in float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16)


def add_common_arguments(parser):
    parser.add_argument("--work", required=True, help="folder of tokenizer.model, train.bin, val.bin and checkpoints")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--seed", type=int, default=0)


def add_training_arguments(parser):
    add_common_arguments(parser)
    parser.add_argument("--products", default="auto", choices=["auto", "float32", "bfloat16"])


def save_checkpoint(path, model):
    """Weights in float32 on the CPU, whatever they were trained on."""
    weights = {name: weight.cpu() for name, weight in model.state_dict().items()}
    torch.save({"config": dataclasses.asdict(model.config), "model": weights}, path)


def load_model(path, device="cpu"):
    """A model from a checkpoint (.pt) or from a GGUF file of F16 and F32 tensors (.gguf), ready to evaluate."""
    if str(path).endswith(".gguf"):
        return read_model(path).to(device).eval()
    stored = torch.load(path, map_location="cpu")
    model = Llama(Config(**stored["config"]))
    model.load_state_dict(stored["model"])
    return model.to(device).eval()
