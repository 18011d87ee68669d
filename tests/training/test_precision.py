import torch

from seglens.config import TrainConfig
from seglens.models.precision import has_bf16
from seglens.training.precision import Precision, resolve_precision


def test_what_the_values_mean_on_a_cpu() -> None:
    cpu = torch.device("cpu")
    meant = {p: resolve_precision(TrainConfig(precision=p), cpu) for p in ("float32", "mixed", "bf16", "auto")}
    assert meant["float32"] == Precision(False, False)
    assert meant["mixed"] == Precision(False, True)
    assert meant["bf16"] == Precision(True, True)
    assert meant["auto"] == Precision(False, has_bf16(cpu))
