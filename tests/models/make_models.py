"""Trains small models with real libraries and writes them in every form; run by `make test-models` in an environment of its own.

    python tests/models/make_models.py FOLDER

Each line of output names a library that could not be used, and why; what is written is scanned by `test_real_models.py`.
"""

import pickle
import sys
from pathlib import Path


def scikit_learn(folder):
    import joblib
    from sklearn.datasets import make_classification
    from sklearn.utils import all_estimators

    features, labels = make_classification(n_samples=60, n_features=6, random_state=0)
    for name, kind in all_estimators():
        try:
            fitted = kind().fit(abs(features), labels)
            content = pickle.dumps(fitted, protocol=2)
        except Exception:  # estimators that need other data or arguments
            continue
        (folder / f"{name}.pkl").write_bytes(content)
        if name in {"RandomForestClassifier", "LogisticRegression", "KNeighborsClassifier"}:
            for protocol in range(6):
                (folder / f"{name}-{protocol}.pkl").write_bytes(pickle.dumps(fitted, protocol=protocol))
            for packed in ("zlib", "gzip", "bz2", "lzma", "xz"):
                joblib.dump(fitted, folder / f"{name}-{packed}.joblib", compress=(packed, 3))
            joblib.dump(fitted, folder / f"{name}.joblib")


def pandas_and_numpy(folder):
    import numpy as np
    import pandas as pd

    frame = pd.DataFrame(
        {
            "number": [1, 2],
            "real": [0.5, None],
            "text": ["a", "b"],
            "day": pd.to_datetime(["2026-01-01", "2026-01-02"]),
            "kind": pd.Categorical(["x", "y"]),
        }
    )
    for suffix in ("", ".gz", ".bz2", ".xz", ".zip"):
        frame.to_pickle(folder / f"frame.pkl{suffix}")
    np.save(folder / "array.npy", np.arange(6.0))
    np.save(folder / "objects.npy", np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    np.savez_compressed(folder / "arrays.npz", a=np.arange(3), b=np.ones((2, 2)))
    (folder / "generator.pkl").write_bytes(pickle.dumps(np.random.default_rng(0)))


def boosting(folder):
    import numpy as np

    features, labels = np.random.default_rng(0).random((60, 4)), np.arange(60) % 2
    try:
        import xgboost

        model = xgboost.XGBClassifier(n_estimators=3).fit(features, labels)
        (folder / "xgboost.pkl").write_bytes(pickle.dumps(model))
        for suffix in ("json", "ubj"):
            model.save_model(folder / f"xgboost.{suffix}")
    except ImportError as error:
        print(f"xgboost: {error}")
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(features, labels)
    (folder / "lightgbm.pkl").write_bytes(pickle.dumps(model))
    model.booster_.save_model(folder / "lightgbm.txt")


def torch_models(folder):
    import torch
    from torch import nn

    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    torch.save(net.state_dict(), folder / "state.pt")
    torch.save(net, folder / "whole.pt")
    torch.save(net.state_dict(), folder / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(
        {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 1},
        folder / "checkpoint.ckpt",
    )
    torch.save({"half": torch.ones(2).half(), "sparse": torch.eye(2).to_sparse()}, folder / "tensors.pth")
    torch.jit.script(nn.Sequential(nn.Linear(4, 2), nn.Tanh())).save(folder / "script.pt")


def main():
    folder = Path(sys.argv[1])
    for make in (scikit_learn, pandas_and_numpy, boosting, torch_models):
        place = folder / make.__name__
        place.mkdir(parents=True, exist_ok=True)
        try:
            make(place)
        except ImportError as error:
            print(f"{make.__name__}: {error}")


if __name__ == "__main__":
    main()
