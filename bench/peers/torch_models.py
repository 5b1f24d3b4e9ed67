"""A ResNet, a ViT and a GPT in PyTorch: the modules that the tests' reference values are made with."""

import sys
from pathlib import Path

import torch
from torch import nn

REFERENCE = Path(__file__).resolve().parents[2] / "crates/dynamics/tests/reference"


class ModelNetwork(nn.Module):
    """A network with the weights of a problem, as `torch_network.Network` is."""

    def __init__(self, problem):
        super().__init__()
        self.task = problem.task
        self.module = build(problem).to(torch.from_numpy(problem.x).dtype)
        self.set_weights(problem.weights)

    @torch.no_grad()
    def set_weights(self, weights):
        """Copies tensors by name into the parameters."""
        for name, parameter in self.module.named_parameters():
            parameter.copy_(torch.from_numpy(weights[name]))

    def weights(self, values):
        """Values of the parameters, in their order, as the files have them."""
        names = (name for name, _ in self.module.named_parameters())
        return {name: value.detach().numpy() for name, value in zip(names, values)}

    def forward(self, x):
        """Outputs [n, positions·c] of inputs [n, d]."""
        given = self.task["input"]
        if "tokens" in given:
            tokens = given["tokens"]
            x = x.reshape(-1, tokens["length"], tokens["vocabulary"]).argmax(-1)
        else:
            x = x.reshape(-1, *given["values"])
        return self.module(x).flatten(1)


def build(problem):
    sys.path.insert(0, str(REFERENCE))
    import make

    model, task = problem.model, problem.task
    outputs = task["outputs"]
    if problem.kind == "resnet":
        blocks = (model["depth"] - 2) // 6
        act = nn.functional.gelu
        return make.ResNet(
            task["input"]["values"][0], model["width"], blocks, model["norm"], model["groups"], act, outputs
        )
    if problem.kind == "vit":
        channels, side, _ = task["input"]["values"]
        token = model["pooling"] != "mean"
        sizes = (model[key] for key in ("patch", "width", "depth", "heads", "mlp_ratio"))
        return make.Vit(channels, side, *sizes, token, outputs)
    tokens = task["input"]["tokens"]
    sizes = (model[key] for key in ("width", "depth", "heads", "mlp_ratio"))
    length, vocabulary = tokens["length"], tokens["vocabulary"]
    return make.Gpt(length, vocabulary, outputs, task["positions"], *sizes, model["tied"])
