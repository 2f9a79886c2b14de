"""M5, a small convolutional network on raw waveforms (Dai et al. 2016, https://arxiv.org/abs/1610.00087)."""

from __future__ import annotations

from taeda import Tensor, nn

__all__ = ["M5"]


class M5(nn.Module):
    """Four convolutions with batch norm, ReLU and pooling, a mean over time and a linear layer.

    The first kernel is long (80 samples, 10 ms at 8 kHz) and learns band-pass filters. State-dict keys are
    those of PyTorch's speech command tutorial: conv1 .. conv4, bn1 .. bn4 and fc1.

    Args:
        n_input: channels of the waveform.
        n_output: number of classes.
        stride: stride of the first convolution: 16 for 8 kHz, 4 in the paper.
        n_channel: channels of the first two convolutions; the last two have twice as many.

    Shape:
        (B, n_input, time) to (B, n_output): log-probabilities.

    Raises:
        ValueError: the input has another shape, or is too short for the four poolings.

    Example:
        >>> import taeda
        >>> tuple(M5(n_output=35)(taeda.zeros(2, 1, 8000)).shape)
        (2, 35)
    """

    def __init__(self, n_input: int = 1, n_output: int = 35, stride: int = 16, n_channel: int = 32) -> None:
        super().__init__()
        self.n_input = n_input
        self.stride = stride
        wide = 2 * n_channel
        self.conv1 = nn.Conv1d(n_input, n_channel, kernel_size=80, stride=stride)
        self.bn1 = nn.BatchNorm1d(n_channel)
        self.pool1 = nn.MaxPool1d(4)
        self.conv2 = nn.Conv1d(n_channel, n_channel, kernel_size=3)
        self.bn2 = nn.BatchNorm1d(n_channel)
        self.pool2 = nn.MaxPool1d(4)
        self.conv3 = nn.Conv1d(n_channel, wide, kernel_size=3)
        self.bn3 = nn.BatchNorm1d(wide)
        self.pool3 = nn.MaxPool1d(4)
        self.conv4 = nn.Conv1d(wide, wide, kernel_size=3)
        self.bn4 = nn.BatchNorm1d(wide)
        self.pool4 = nn.MaxPool1d(4)
        self.fc1 = nn.Linear(wide, n_output)

    @property
    def min_length(self) -> int:
        """Fewest samples that leave one frame after the last pooling."""
        frames = 1
        for _ in range(3):
            frames = frames * 4 + 2
        return (frames * 4 - 1) * self.stride + 80

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of a batch of waveforms."""
        if x.dim() != 3 or x.size(1) != self.n_input:
            raise ValueError(
                f"M5: expected waveforms of shape (B, {self.n_input}, time), got {tuple(x.shape)}; "
                "one mono waveform (time,) needs x[None, None]"
            )
        if x.size(-1) < self.min_length:
            raise ValueError(
                f"M5: {x.size(-1)} samples are too few for stride {self.stride}; expected at least "
                f"{self.min_length}"
            )
        x = self.pool1(nn.functional.relu(self.bn1(self.conv1(x))))
        x = self.pool2(nn.functional.relu(self.bn2(self.conv2(x))))
        x = self.pool3(nn.functional.relu(self.bn3(self.conv3(x))))
        x = self.pool4(nn.functional.relu(self.bn4(self.conv4(x))))
        return nn.functional.log_softmax(self.fc1(x.mean(-1)), dim=-1)
