#!/usr/bin/env python3
"""check_files.py FOLDER: checks each FOLDER/NAME.onnx with onnx.checker and runs it in ONNX Runtime on the inputs of
each FOLDER/NAME@SIZE.npz. Outputs must differ by at most 1e-6, relative to numbers above 1."""
import pathlib
import sys

import numpy
import onnx
import onnxruntime

MOST = 1e-6


def differences(path):
    """Largest difference for each file of inputs."""
    onnx.checker.check_model(str(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found = [difference(session, file) for file in sorted(path.parent.glob(path.stem + "@*.npz"))]
    if not found:
        raise ValueError("there must be a file of inputs")
    return found


def difference(session, file):
    arrays = numpy.load(file)
    names = [output.name for output in session.get_outputs()]
    inputs = {name: arrays[name] for name in arrays.files if not name.startswith("out:")}
    expected = {name[4:] for name in arrays.files if name.startswith("out:")}
    if expected != set(names):
        raise ValueError(f"outputs must be {sorted(expected)}, got {sorted(names)}")
    most = 0.0
    for name, result in zip(names, session.run(names, inputs)):
        ours = arrays["out:" + name]
        if ours.shape != result.shape:
            raise ValueError(f"{name} must have the shape {ours.shape}, got {result.shape}")
        apart = numpy.abs(ours - result) / numpy.maximum(1, numpy.abs(ours))
        defined = apart[~numpy.isnan(ours)]
        if numpy.isnan(defined).any():
            raise ValueError(f"{file.name}: {name} must be finite")
        most = max(most, float(defined.max(initial=0)))
    if most > MOST:
        raise ValueError(f"{file.name}: the difference must be at most {MOST}, got {most:.3g}")
    return most


def main():
    paths = sorted(pathlib.Path(sys.argv[1]).glob("*.onnx"))
    wrong, found = 0, []
    for path in paths:
        try:
            found += differences(path)
        except Exception as error:  # every refusal of the checker or the runtime is reported
            wrong += 1
            print(f"{path.name}: {str(error)[:300]}")
    print(f"{len(paths)} files, {wrong} wrong, {len(found)} runs, largest difference {max(found, default=0):.3g}")
    return 1 if wrong > 0 or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
