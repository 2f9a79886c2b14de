"""What the benchmark times, written once for every library with torch's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Run = Callable[[], Any]


@dataclass
class Workload:
    """One line of the page.

    Attributes:
        name: as it is printed.
        run: does the work once, asynchronously.
        amount: bytes moved or operations done by one run; 0 where only the time counts.
        unit: what `amount` counts: "B", "FLOP" or "".
        repeat: runs between two looks at the clock.
    """

    name: str
    run: Run
    amount: float = 0
    unit: str = ""
    repeat: int = 1


def workloads(library: Any, small: bool, resnet18: Callable[[], Any] | None) -> Iterator[Workload]:
    """All of them, made one by one so that each frees its memory; `small` sizes try the code and measure nothing."""
    yield from launches(library, small)
    yield from memory_bound(library, 1 << 14 if small else 1 << 28)
    for size in [64] if small else [4096, 8192]:
        yield from products(library, size)
    yield convolution(library, small)
    yield from attentions(library, small)
    if resnet18 is not None:
        yield resnet_step(library, small, resnet18)
    yield gpt_step(library, small)


def launches(library: Any, small: bool) -> Iterator[Workload]:
    """What starting a tiny operator costs the CPU."""
    x = library.ones(16, device="cuda")

    def many() -> None:
        for _ in range(10 if small else 1000):
            x + x

    yield Workload("1000 tiny additions", many)


def memory_bound(library: Any, elements: int) -> Iterator[Workload]:
    """Operators on 1 GiB of float32, against a copy."""
    x = library.rand(elements, device="cuda")
    y, size = library.empty_like(x), 4.0 * elements
    yield Workload("copy 1 GiB", lambda: y.copy_(x), 2 * size, "B", 5)
    yield Workload("add 1 GiB", lambda: library.add(x, x, out=y), 2 * size, "B", 5)
    yield Workload("exp 1 GiB", lambda: library.exp(x, out=y), 2 * size, "B", 5)
    yield Workload("sum 1 GiB", lambda: x.sum(), size, "B", 5)
    rows = x.view(-1, 1024)
    yield Workload("softmax of 1 GiB in rows of 1024", lambda: library.softmax(rows, -1), 2 * size, "B", 5)


def products(library: Any, size: int) -> Iterator[Workload]:
    """Square products in float32, TF32 and bfloat16."""
    for name, dtype, precision in [
        ("fp32", library.float32, "highest"),
        ("tf32", library.float32, "high"),
        ("bf16", library.bfloat16, "highest"),
    ]:
        a, b = (library.randn(size, size, device="cuda").to(dtype) for _ in range(2))

        def run(a: Any = a, b: Any = b, precision: str = precision) -> None:
            library.set_float32_matmul_precision(precision)
            a @ b
            library.set_float32_matmul_precision("highest")

        yield Workload(f"matmul {size} {name}", run, 2.0 * size**3, "FLOP", 3)


def convolution(library: Any, small: bool) -> Workload:
    """A 3 x 3 convolution as in the middle of a ResNet, forward and backward, bfloat16."""
    n, channels, size = (2, 4, 8) if small else (64, 256, 28)
    layer = library.nn.Conv2d(channels, channels, 3, padding=1, bias=False).to("cuda").to(library.bfloat16)
    x = library.randn(n, channels, size, size, device="cuda").to(library.bfloat16).requires_grad_()
    grad = library.randn(n, channels, size, size, device="cuda").to(library.bfloat16)
    flops = 3 * 2.0 * n * channels * channels * 9 * size * size
    return Workload(
        "conv 3x3 256 channels bf16, with gradients", lambda: layer(x).backward(grad), flops, "FLOP", 3
    )


def attentions(library: Any, small: bool) -> Iterator[Workload]:
    """Scaled dot-product attention, causal and not, alone and with gradients."""
    b, h, length, width = (1, 1, 40, 16) if small else (4, 16, 4096, 128)
    attend = library.nn.functional.scaled_dot_product_attention
    for dtype in (library.bfloat16, library.float32):
        q, k, v = (
            library.randn(b, h, length, width, device="cuda").to(dtype).requires_grad_() for _ in range(3)
        )
        grad = library.randn(b, h, length, width, device="cuda").to(dtype)
        flops = 4.0 * b * h * length * length * width
        kind = "bf16" if dtype == library.bfloat16 else "fp32"

        def forward(q: Any = q, k: Any = k, v: Any = v) -> None:
            with library.no_grad():
                attend(q, k, v)

        def both(q: Any = q, k: Any = k, v: Any = v, grad: Any = grad) -> None:
            attend(q, k, v, is_causal=True).backward(grad)

        yield Workload(f"attention 4x16x4096x128 {kind}", forward, flops, "FLOP", 2)
        yield Workload(
            f"attention 4x16x4096x128 {kind}, causal, with gradients", both, 3.5 * flops / 2, "FLOP", 2
        )


def resnet_step(library: Any, small: bool, resnet18: Callable[[], Any]) -> Workload:
    """A training step of ResNet-18, float32."""
    model = resnet18().to("cuda")
    optimizer = library.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    n, size = (2, 32) if small else (64, 224)
    x, y = library.randn(n, 3, size, size, device="cuda"), library.randint(0, 1000, (n,), device="cuda")

    def run() -> None:
        optimizer.zero_grad()
        library.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return Workload("ResNet-18 training step, 64 images, fp32", run, repeat=1 if small else 3)


def gpt_model(library: Any, layers: int, width: int, heads: int, context: int, words: int) -> Any:
    """A decoder as GPT-2's, from layers that all libraries have."""
    nn = library.nn
    module: Any = nn.Module

    class Block(module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x: Any) -> Any:
            b, t, _ = x.shape
            q, k, v = (
                self.qkv(self.norm1(x)).view(b, t, 3, heads, width // heads).permute(2, 0, 3, 1, 4).unbind(0)
            )
            y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(b, t, width))
            return x + self.mlp(self.norm2(x))

    class Decoder(module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = nn.Embedding(words, width), nn.Embedding(context, width)
            self.blocks = nn.Sequential(*(Block() for _ in range(layers)))
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)

        def forward(self, x: Any) -> Any:
            places = library.arange(x.shape[1], device=x.device)
            return self.head(self.norm(self.blocks(self.words(x) + self.places(places))))

    return Decoder()


def gpt_step(library: Any, small: bool) -> Workload:
    """A training step of six layers of width 384, float32."""
    layers, width, heads, context, batch, words = (1, 16, 2, 16, 2, 20) if small else (6, 384, 6, 256, 64, 65)
    model = gpt_model(library, layers, width, heads, context, words).to("cuda")
    optimizer = library.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    x, y = (library.randint(0, words, (batch, context), device="cuda") for _ in range(2))

    def run() -> None:
        optimizer.zero_grad()
        library.nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten()).backward()
        optimizer.step()

    return Workload("GPT 6x384 training step, 64x256 tokens, fp32", run, repeat=1 if small else 3)
