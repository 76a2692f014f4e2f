import argparse
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(prog="colorizers")
    commands = parser.add_subparsers(required=True)
    training = commands.add_parser("train")
    training.add_argument("recipe")
    training.add_argument("--data", type=Path, nargs="+", required=True)
    training.add_argument("--val", type=Path, required=True)
    training.add_argument("--out", type=Path, required=True)
    training.add_argument("--steps", type=int, default=6000)
    arguments = parser.parse_args()
    from colorizers.training.unet import Recipe, train

    names = " ".join(p.name for p in arguments.data)
    command = f"python -m colorizers train unet --data {names} --val {arguments.val.name} --steps {arguments.steps}"
    train(arguments.data, arguments.val, arguments.out, Recipe(steps=arguments.steps), command)


main()
