"""Inference in ONNX Runtime, on graphs built here. Started by bench/compare.py. Argument: threads."""
import sys

import numpy
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from serving import serve

GATES = {'rnn': 1, 'lstm': 4, 'gru': 3}


class Graph:
    """Builder of a graph with random weights in [-bound, bound]."""

    def __init__(self, bound):
        self.nodes, self.constants, self.random, self.bound = [], [], numpy.random.RandomState(0), bound

    def constant(self, value):
        name = f'constant{len(self.constants)}'
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def weights(self, *shape):
        return self.constant(self.random.uniform(-self.bound, self.bound, shape).astype(numpy.float32))

    def node(self, operator, *inputs, outputs=1, **attributes):
        names = [f'value{len(self.nodes)}_{k}' for k in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def session(self, inputs, output, threads):
        self.nodes.append(helper.make_node('Identity', [output], ['out']))
        out = helper.make_tensor_value_info('out', TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, 'network', inputs, [out], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=['CPUExecutionProvider'])


def prepare(c):
    graph, directions, width = Graph(c['units'] ** -0.5), 2 if c['task'] == 'peaks' else 1, c['inputs']
    packed, words = c['mode'].endswith('_packed'), c['task'] == 'words'
    size, random = (c['steps'], c['batch']), numpy.random.RandomState(1)
    if words:
        feed = {'x': random.randint(0, c['classes'], size)}
        inputs = [helper.make_tensor_value_info('x', TensorProto.INT64, size)]
        x = graph.node('Gather', graph.weights(c['classes'], width), 'x')
    else:
        feed = {'x': random.randn(*size, width).astype(numpy.float32)}
        inputs = [helper.make_tensor_value_info('x', TensorProto.FLOAT, (*size, width))]
        x = 'x'
    if packed:
        feed['lengths'] = numpy.asarray(c['lengths'], numpy.int32)
        inputs.append(helper.make_tensor_value_info('lengths', TensorProto.INT32, (c['batch'],)))
    for _ in range(c['layers']):
        rows = GATES[c['cell']] * c['units']
        weights = [graph.weights(directions, rows, n) for n in (width, c['units'])]
        bias = graph.weights(directions, 2 * rows)
        options = {'hidden_size': c['units'], 'direction': 'bidirectional' if directions == 2 else 'forward'}
        if c['cell'] == 'gru':
            options['linear_before_reset'] = 1
        lengths = 'lengths' if packed else ''
        steps, last = graph.node(c['cell'].upper(), x, *weights, bias, lengths, outputs=2, **options)
        if directions == 2:  # [steps, directions, batch, units] -> [steps, batch, directions * units]
            side_by_side = graph.node('Transpose', steps, perm=[0, 2, 1, 3])
            x = graph.node('Reshape', side_by_side, graph.constant(numpy.array([0, 0, -1])))
        else:
            x = graph.node('Squeeze', steps, graph.constant(numpy.array([1])))
        width = directions * c['units']
    if c['task'] == 'label_at_end':
        x = graph.node('Squeeze', last, graph.constant(numpy.array([0])))
    output = graph.node('Add', graph.node('MatMul', x, graph.weights(width, c['classes'])), graph.weights(c['classes']))
    session = graph.session(inputs, output, int(sys.argv[1]))
    return lambda: session.run(['out'], feed), lambda: None


serve(prepare, f'ONNX Runtime {onnxruntime.__version__}')
