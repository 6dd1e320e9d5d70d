"""Makes *_run.pt, *_after.safetensors and cells.safetensors of this folder: python3 checkpoints.py FOLDER.

python3 checkpoints.py FOLDER --continue: continues from the files FOLDER/NAME_again.pt of write_pytorch_checkpoint and
prints the largest difference from 20 steps of PyTorch alone.
"""
import sys
import torch
from safetensors.torch import load_file, save_file
from torch import nn


class Model(nn.Module):
    def __init__(self, rnn, between):
        super().__init__()
        self.rnn, self.between, self.out = rnn, between, nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.between(self.rnn(x)[0]))


def made(name):
    torch.manual_seed(7)
    if name == "adam":
        model = Model(nn.LSTM(3, 4), nn.Identity())
        return model, torch.optim.Adam(model.parameters(), lr=0.01)
    if name == "adamw":
        model = Model(nn.GRU(3, 2, bias=False, bidirectional=True), nn.PReLU())
        named = list(model.named_parameters())
        groups = [{"params": named[4:]}, {"params": named[:4]}]
        if "--continue" in sys.argv:  # the files of this library have one group, in the order of the layers
            groups = named
        return model, torch.optim.AdamW(groups, lr=0.01, betas=(0.8, 0.99), weight_decay=0.05, amsgrad=True)
    model = Model(nn.RNN(3, 4, bias=False), nn.Identity())
    return model, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)


def steps(model, optimizer, data, count):
    for _ in range(count):
        optimizer.zero_grad()
        ((model(data["x"]) - data["y"]) ** 2).mean().backward()
        optimizer.step()


folder = sys.argv[1]
for name in ["adam", "adamw", "sgd"]:
    model, optimizer = made(name)
    if "--continue" in sys.argv:
        data = load_file(f"{folder}/{name}_after.safetensors")
        file = torch.load(f"{folder}/{name}_again.pt", weights_only=True)
        model.load_state_dict(file["state_dict"])
        optimizer.load_state_dict(file["optimizer_state_dict"])
        steps(model, optimizer, data, 20)
        print(name, max((v - data[k]).abs().max().item() for k, v in model.state_dict().items()))
        continue
    data = {"x": torch.randn(6, 3, 3), "y": torch.randn(6, 3, 2)}
    steps(model, optimizer, data, 10)
    torch.save({"state_dict": model.state_dict(), "optimizer_state_dict": optimizer.state_dict(), "epoch": 3},
               f"{folder}/{name}_run.pt")
    steps(model, optimizer, data, 20)
    save_file({**data, **model.state_dict()}, f"{folder}/{name}_after.safetensors")

if "--continue" not in sys.argv:
    torch.manual_seed(8)
    modules = {"gru": nn.GRUCell(3, 4), "rnn": nn.RNNCell(3, 4, nonlinearity="relu"), "prelu": nn.PReLU(3),
               "lstm": nn.LSTM(3, 4, bias=False, bidirectional=True), "gru_without": nn.GRU(3, 4, bias=False)}
    x = torch.randn(5, 2, 3)
    tensors = {"x": x}
    for name, module in modules.items():
        if "Cell" in type(module).__name__:
            y, h = [], None
            for step in x:
                h = module(step, h)
                y.append(h)
            tensors["y." + name] = torch.stack(y).detach()
        elif name == "prelu":
            module.weight.data = torch.tensor([0.25, -1.5, 0.5])
            tensors["y." + name] = module(x.flatten(0, 1)).view(5, 2, 3).detach()
        else:
            tensors["y." + name] = module(x)[0].detach()
        tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    save_file(tensors, f"{folder}/cells.safetensors")
