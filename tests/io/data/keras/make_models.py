#!/usr/bin/env python3
"""make_models.py FOLDER: models of Keras (3, or 2.15 with TensorFlow) with random weights, inputs x and outputs y (steps, 1, features)."""
import sys

import keras
import numpy as np
from keras import layers as L
from safetensors.numpy import save_file

folder = sys.argv[1]
version = int(keras.__version__.split(".")[0])
random = np.random.default_rng(5)
steps, features = 9, 4


def randomise(model):
    for weight in model.weights:
        name = weight.path if version > 2 else weight.name
        if "seed" not in name:
            values = random.uniform(0.3, 2, weight.shape) if "variance" in name else random.normal(0, 0.5, weight.shape)
            weight.assign(values.astype("float32"))


def save(name, model, x, kinds=("keras",)):
    randomise(model)
    y = np.asarray(model(x, training=False))
    y = y[:, None] if y.ndim == 2 else y
    x = x if x.ndim == 3 else x[:, :, None]
    arrays = {"x": x, "y": y}
    arrays = {key: np.ascontiguousarray(value.transpose(1, 0, 2)).astype("float32") for key, value in arrays.items()}
    save_file(arrays, f"{folder}/{name}.io.safetensors")
    for kind in kinds:
        path = f"{folder}/{name}.{kind}"
        model.save_weights(path) if kind == "weights.h5" else model.save(path)


def chain(name, *layers, kinds=("keras",)):
    x = random.normal(0, 1, (1, steps, features)).astype("float32")
    save(name, keras.Sequential([keras.Input((steps, features)), *layers]), x, kinds)


every = ("keras", "h5", "weights.h5")
chain("gru_before", L.GRU(5, reset_after=False, return_sequences=True), L.GRU(3, use_bias=False, return_sequences=True),
      L.Dense(2, activation="elu"), kinds=every)
chain("rnn", L.SimpleRNN(5, activation="relu", return_sequences=True),
      L.SimpleRNN(4, activation="sigmoid", return_sequences=True, use_bias=False),
      L.SimpleRNN(3, activation="linear", return_sequences=True), L.SimpleRNN(3))
chain("backward", L.LSTM(4, go_backwards=True), L.Dense(3, activation="tanh", use_bias=False),
      L.LayerNormalization(epsilon=0.01), L.BatchNormalization(epsilon=0.02, scale=False), L.Activation("swish"), kinds=every)
for merge, cell in (("sum", L.LSTM(3, return_sequences=True)), ("mul", L.GRU(3, return_sequences=True)),
                    ("ave", L.SimpleRNN(3, return_sequences=True)), ("concat", L.GRU(3, reset_after=False))):
    chain("bidirectional_" + merge, L.Bidirectional(cell, merge_mode=merge), L.Dense(2), kinds=every)
chain("convolutions", L.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu"),
      L.Conv1D(4, 2, strides=2, padding="same", groups=2, use_bias=False),
      L.Conv1DTranspose(3, 3, strides=2, padding="same", activation="softplus"), L.Conv1D(3, 4, padding="same"),
      L.Conv1DTranspose(5, 2, strides=3, padding="valid", use_bias=False), L.Conv1D(2, 3, strides=2), kinds=every)
chain("pools", L.MaxPooling1D(3, strides=2, padding="same"), L.AveragePooling1D(2, strides=1, padding="same"),
      L.UpSampling1D(3), L.MaxPooling1D(2), L.AveragePooling1D(3, strides=2), L.SpatialDropout1D(0.2), L.Dense(3))
chain("global_max", L.LSTM(4, return_sequences=True, dropout=0.1, recurrent_dropout=0.2), L.Dropout(0.5),
      L.GlobalMaxPooling1D(), L.Dense(3, activation="sigmoid"), kinds=every)
chain("global_mean", L.TimeDistributed(L.Dense(4, activation="hard_sigmoid")),
      L.TimeDistributed(L.LayerNormalization(center=False)), L.GRU(3, return_sequences=True),
      L.GlobalAveragePooling1D(), L.Dense(3, activation="softmax"), kinds=every)
new = [L.LeakyReLU(negative_slope=0.2), L.Dense(4, activation="leaky_relu"), L.Dense(4, activation="hard_tanh"),
       L.Dense(4, activation="relu6"), L.RMSNormalization()] if version > 2 else [L.LeakyReLU(alpha=0.2)]
chain("functions", L.Dense(4, activation="gelu"), L.ReLU(max_value=1.5), L.Dense(4), *new, L.ReLU(negative_slope=0.1),
      L.ELU(alpha=0.7), L.Dense(4, activation="softsign"), L.BatchNormalization(center=False),
      L.LayerNormalization(scale=False), L.Activation("hard_sigmoid"), kinds=every)
chain("lstm_relu", L.LSTM(4, activation="relu", recurrent_activation="tanh", return_sequences=True), L.Dense(2))
tokens = random.integers(1, 11, (1, steps)).astype("float32")
save("tokens", keras.Sequential([keras.Input((steps,)), L.Embedding(11, 5, mask_zero=True), L.Bidirectional(L.LSTM(3)),
                                 L.Dense(2)]), tokens, every)
x = random.normal(0, 1, (1, steps, features)).astype("float32")
i = keras.Input((None, features))
a = L.Dense(5, activation="relu", name="wide")(i)
b = L.LSTM(5, return_sequences=True)(a)
d = L.GRU(3, return_sequences=True)(L.Add()([a, b]))
e = L.GRU(3, return_sequences=True)(a)
g = L.Concatenate()([L.Multiply()([d, e]), i, e])
h = L.Average()([L.GlobalMaxPooling1D()(g), L.GlobalAveragePooling1D()(g)])
save("graph", keras.Model(i, L.Dense(2, name="answer")(L.Dropout(0.1)(h))), x, every)
i = keras.Input((steps, features))
save("functional_chain", keras.Model(i, L.Dense(2)(L.LSTM(3)(i))), x)
chain("transposed", L.Conv1DTranspose(3, 2, strides=3, padding="same"), L.Conv1DTranspose(3, 4, strides=2, padding="same"),
      L.Conv1DTranspose(2, 5, dilation_rate=2, padding="same"), L.Conv1DTranspose(2, 3, dilation_rate=2),
      L.Conv1DTranspose(2, 1, strides=2), L.MaxPooling1D(2, strides=3, padding="same"),
      L.AveragePooling1D(4, strides=1), L.Conv1D(2, 3, strides=3, padding="causal"))
