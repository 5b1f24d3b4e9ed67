"""The networks in PyTorch, as modules."""

import torch
from torch import nn


class Network(nn.Module):
    """A network with the weights of a problem; images are planes, as PyTorch likes them."""

    def __init__(self, problem):
        super().__init__()
        self.kind = problem.kind
        layers = []
        for weight, bias in problem.weights:
            if weight.ndim == 4:
                outputs, inputs, side, _ = weight.shape
                layer = nn.Conv2d(inputs, outputs, side, padding="same", bias=bias is not None)
            else:
                outputs, inputs = weight.shape
                layer = nn.Linear(inputs, outputs, bias=bias is not None)
            layers.append(layer)
        self.layers = nn.ModuleList(layers).to(torch.from_numpy(problem.x).dtype)
        self.tanh = problem.activation == "tanh"
        self.side = int(round((problem.x.shape[1] / 3) ** 0.5))
        self.set_weights(problem.weights)

    @torch.no_grad()
    def set_weights(self, weights):
        """Copies layers, as the files have them, into the parameters."""
        for layer, (weight, bias) in zip(self.layers, weights):
            layer.weight.copy_(torch.from_numpy(weight))
            if bias is not None:
                layer.bias.copy_(torch.from_numpy(bias))

    def weights(self, values):
        """Values of the parameters, in their order, as the files have them."""
        names = (name for name, _ in self.named_parameters())
        parts = {name: value.numpy() for name, value in zip(names, values)}
        layers = range(len(self.layers))
        return [(parts[f"layers.{i}.weight"], parts.get(f"layers.{i}.bias")) for i in layers]

    def forward(self, x):
        """Outputs [n, c] of inputs [n, d]."""
        if self.kind == "cnn":
            x = x.reshape(-1, 3, self.side, self.side)
        last = len(self.layers) - 1
        for index, layer in enumerate(self.layers):
            x = layer(x if isinstance(layer, nn.Conv2d) else x.flatten(1))
            if index < last:
                x = torch.tanh(x) if self.tanh else x
                if isinstance(layer, nn.Conv2d):
                    x = nn.functional.avg_pool2d(x, 2)
        return x
