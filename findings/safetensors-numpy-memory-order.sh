#!/bin/sh
# safetensors 0.8.0 writes a NumPy array that is not C-contiguous in the order in which it lies in memory, under its
# shape: a transposed array, a Fortran-ordered one or every other column is read back as other numbers, and no error or
# warning is given. Its documentation asks for contiguous arrays; its writer for torch refuses others, this one does not.
# Seen on 2026-11-28 with safetensors 0.8.0 and numpy 2.3.5: "transposed: equal False", no error.
# Exits with an error as soon as that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q safetensors==0.8.0 numpy==2.3.5
"$folder/venv/bin/python" -W error - <<'EOF'
import numpy as np
import safetensors
from safetensors.numpy import load, save

print("safetensors", safetensors.__version__, "numpy", np.__version__)
square = np.arange(6, dtype=np.float32).reshape(2, 3)
arrays = {"as usual": square, "transposed": square.T, "Fortran": np.asfortranarray(square), "columns": square[:, ::2]}
equal = {}
for name, array in arrays.items():
    read = load(save({name: array}))[name]
    equal[name] = read.shape == array.shape and bool((read == array).all())
    print(f"{name}: shape {read.shape}, equal {equal[name]}")
assert equal.pop("as usual") and not any(equal.values()), "it has changed"
EOF
