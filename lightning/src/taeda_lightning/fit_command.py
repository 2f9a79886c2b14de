"""`taeda fit`: fine-tune an image classifier from the command line."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import CheckpointMismatchError, MisconfigurationException
from .messages import counted

if TYPE_CHECKING:
    from .tasks.image_data import Preprocessing

__all__ = ["FitCommand", "command"]


class FitCommand:
    """The sub-command `fit` of `taeda`, an entry point of the group `taeda.commands`."""

    name = "fit"
    help = "fine-tune an image classifier on your own images"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        add = parser.add_argument
        add("--data", required=True, help="'digits' or 'folder:PATH' with one folder of images per class")
        add("--model", default="resnet18", help="network of taeda_vision.models (default: resnet18)")
        add("--weights", help="pretrained weights: a name such as DEFAULT, or a .safetensors or .pth file")
        add("--epochs", type=int, default=5, help="passes over the training images (default: 5)")
        add("--batch-size", type=int, default=32, help="images in a batch (default: 32)")
        add("--lr", type=float, default=1e-3, help="highest learning rate (default: 0.001)")
        add("--size", type=int, help="edge of the images in pixels (default: 32 for glyph_resnet, else 224)")
        add(
            "--grey", action="store_true", help="take the colour out of the images (glyph_resnet always does)"
        )
        add("--no-augment", action="store_true", help="do not vary training images at random")
        add("--workers", type=int, default=0, help="processes that load images (default: 0)")
        add("--accelerator", default="auto", choices=["auto", "cpu", "gpu"], help="where to train")
        add("--seed", type=int, default=0, help="of the split, the weights and the order (default: 0)")
        add("--resume", metavar="CHECKPOINT", help="continue from a checkpoint: a path or 'last'")
        add("--out", default="runs/fit", help="folder for checkpoints, logs and report (default: runs/fit)")

    def run(self, args: argparse.Namespace) -> int:
        """Train, test and write; 0 on success, 2 for settings or data that cannot work, 130 on Ctrl-C."""
        try:
            check_numbers(args)
            self._run(args)
        except CheckpointMismatchError as error:
            print(f"taeda fit: --resume {args.resume}: {one_line(error)}", file=sys.stderr)
            return 2
        except (MisconfigurationException, OSError, ValueError, ImportError) as error:
            print(f"taeda fit: {one_line(error)}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130
        return 0

    def _run(self, args: argparse.Namespace) -> None:
        from .fine_tuning import can_report, fine_tune
        from .tasks.image_data import ImageData

        data = ImageData(
            args.data, preprocessing(args), batch_size=args.batch_size, num_workers=args.workers,
            augment=not args.no_augment, seed=args.seed,
        )  # fmt: skip
        sizes = {split: len(images) for split, images in data.images.items()}
        print(f"{len(data.classes)} classes; images: {sizes}")
        done = fine_tune(
            data, args.model, args.out, weights=args.weights, epochs=args.epochs, lr=args.lr, seed=args.seed,
            with_report=can_report(), ckpt_path=args.resume, accelerator=args.accelerator,
        )  # fmt: skip
        epochs = counted(args.epochs, "epoch", "epochs")
        print(f"test accuracy {done.test_accuracy:.2%} after {epochs} in {done.seconds:.1f} s")
        print(f"best checkpoint: {done.checkpoint}")
        if done.report is not None:
            print(f"report: {done.report}")
        arguments = json.dumps({"num_classes": len(data.classes)})
        out = Path(args.out)
        print(
            f"to package it: taeda package {done.checkpoint} --out {out / 'model.taeda'} --name "
            f"{args.model} --architecture taeda_vision.models:{args.model} --arguments '{arguments}' "
            f"--prefix model. --labels {out / 'labels.txt'} --preprocessing {out / 'preprocessing.json'}"
        )


def check_numbers(args: argparse.Namespace) -> None:
    """Refuse numbers that cannot work before anything is read.

    Raises:
        MisconfigurationException: a number is too small.
    """
    for name, least in (("epochs", 1), ("batch_size", 1), ("size", 1), ("workers", 0)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise MisconfigurationException(
                f"--{name.replace('_', '-')} {value}: expected a number from {least} on"
            )


def one_line(error: Exception) -> str:
    """What the user needs of an error's message.

    Errors of loader processes come with their traceback, whose last line says what happened; that weights do not fit is
    followed by a list of them.

    Example:
        >>> one_line(OSError("Caught OSError ...\\nOriginal Traceback ...\\nOSError: a.jpg is cut"))
        'OSError: a.jpg is cut'
    """
    text = str(error)
    if isinstance(error, CheckpointMismatchError):
        text = text.partition("\n")[0]
    elif "\nOriginal Traceback" in text:
        text = text.rstrip().splitlines()[-1]
    return " ".join(text.split())


def preprocessing(args: argparse.Namespace) -> Preprocessing:
    """The steps that the options ask for, with as many channels as the network takes."""
    from .tasks.image_data import preprocessing_steps

    if args.model == "glyph_resnet":
        return preprocessing_steps(args.size or 32, is_grey=True)
    steps = preprocessing_steps(args.size or 224)
    if args.grey or args.data == "digits":
        steps.insert(0, {"name": "Grayscale", "args": {"num_output_channels": 3}})
    return steps


command = FitCommand()
