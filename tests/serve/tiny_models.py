"""Small architectures that the tests serve with `--trust`; workers import this module by name."""

import os
import time

import taeda


class MeanColour(taeda.nn.Module):
    """Scores of a (N, 3, H, W) image: weight @ mean colour, so that tests know the answer by hand."""

    def __init__(self, num_classes: int = 3) -> None:
        super().__init__()
        self.head = taeda.nn.Linear(3, num_classes, bias=False)

    def forward(self, image: taeda.Tensor) -> taeda.Tensor:
        return self.head(image.mean(dim=(2, 3)))


class Doubler(taeda.nn.Module):
    """Twice the input plus a shift; some values do harm, as named."""

    CRASH, SLEEP, RAISE, NAN, NAP = 666.0, 555.0, 444.0, 333.0, 222.0

    def __init__(self) -> None:
        super().__init__()
        self.shift = taeda.nn.Parameter(taeda.zeros(1))

    def forward(self, x: taeda.Tensor) -> taeda.Tensor:
        values = x.reshape(-1).tolist()
        if self.CRASH in values:
            os._exit(3)
        if self.SLEEP in values:
            time.sleep(60)
        if self.NAP in values:
            time.sleep(1)
        if self.RAISE in values:
            raise ValueError("444 is not welcome")
        if self.NAN in values:
            return x * float("nan")
        return 2 * x + self.shift


class TwoInputs(taeda.nn.Module):
    """Integer ids and a mask to (sum of masked ids, count)."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = taeda.nn.Parameter(taeda.ones(1))

    def forward(self, ids: taeda.Tensor, mask: taeda.Tensor) -> tuple[taeda.Tensor, taeda.Tensor]:
        chosen = mask.to(taeda.float32)
        return (ids * chosen).sum(dim=1, keepdim=True) * self.scale, chosen.sum(dim=1, keepdim=True)


def not_a_model(path: str) -> str:
    return path
