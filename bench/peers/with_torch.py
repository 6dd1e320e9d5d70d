"""Training and inference in PyTorch. Started by bench/compare.py and bench/memory.py. Argument: threads."""
import sys

import torch
from torch import nn
from torch.nn import functional as F

from serving import serve

CELLS = {'rnn': nn.RNN, 'lstm': nn.LSTM, 'gru': nn.GRU}


class Network(nn.Module):
    """Embedding for words, recurrent layers, one linear layer. If lengths are given, the batch is packed."""

    def __init__(self, c):
        super().__init__()
        both = c['task'] == 'peaks'
        self.at_end = c['task'] == 'label_at_end'
        self.embedding = nn.Embedding(c['classes'], c['inputs']) if c['task'] == 'words' else nn.Identity()
        self.recurrent = CELLS[c['cell']](c['inputs'], c['units'], num_layers=c['layers'], batch_first=True,
                                          bidirectional=both)
        self.out = nn.Linear((1 + both) * c['units'], c['classes'])

    def forward(self, x, lengths=None):
        x = self.embedding(x)
        if lengths is None:
            steps, _ = self.recurrent(x)
            return self.out(steps[:, -1] if self.at_end else steps)
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        steps, state = self.recurrent(packed)
        if self.at_end:
            return self.out((state[0] if isinstance(state, tuple) else state)[-1])
        padded, _ = nn.utils.rnn.pad_packed_sequence(steps, batch_first=True, total_length=x.shape[1])
        return self.out(padded)


def batch(c):
    """Inputs and targets; ignore_index excludes labels of padded steps."""
    size, task = (c['batch'], c['steps']), c['task']
    lengths = torch.tensor(c['lengths'])
    x = torch.randint(c['classes'], size) if task == 'words' else torch.randn(*size, c['inputs'])
    if task == 'peaks':
        return x, (torch.rand(*size, 1) < 0.1).float(), lengths
    y = torch.randint(c['classes'], size[:1] if task == 'label_at_end' else size)
    if task == 'label_per_step':
        y[torch.arange(c['steps']) >= lengths[:, None]] = -100
    return x, y, lengths


def prepare(c):
    torch.manual_seed(0)
    network = Network(c)
    x, y, lengths = batch(c)
    inputs = (x, lengths) if c['mode'].endswith('_packed') else (x,)
    autocast = torch.autocast('cpu', torch.bfloat16, enabled=c.get('precision') == 'bfloat16')
    if c['mode'].startswith('infer'):
        network.eval()
        return torch.inference_mode()(autocast(lambda: network(*inputs))), lambda: None
    parameters = list(network.parameters())
    adam = torch.optim.Adam(parameters, lr=1e-3)
    first = [p.detach().clone() for p in parameters] if c['mode'] != 'memory' else parameters

    def step():
        adam.zero_grad(set_to_none=True)
        with autocast:
            output = network(*inputs)
            if c['task'] == 'peaks':
                loss = F.binary_cross_entropy_with_logits(output, y)
            else:
                loss = F.cross_entropy(output.flatten(0, -2), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        adam.step()

    def restart():
        with torch.no_grad():
            for p, value in zip(parameters, first):
                p.copy_(value)
    return step, restart


torch.set_num_threads(int(sys.argv[1]))
torch.set_num_interop_threads(1)
serve(prepare, f'PyTorch {torch.__version__}')
