import random

import attr
import pytest

from scanner.engine.speedups.go_modules import parse_gosum

from .stock import stock

CHECKSUM = "h1:WXkYYl6Yr3qBf1K79EBnL4mak0OimBfB0XUf9Vl28OQ="


def as_data(modules):
    return [attr.asdict(module) for module in modules]


def some_lines(seed):
    chance = random.Random(seed)
    for _ in range(chance.randrange(400)):
        name = chance.choice(["example.com/a", "example.com/b/c", "d", "example.com/go.mod/x", "é.org/a", "a//b"])
        version = chance.choice(["v0.1.0", "v1.0.0+incompatible", "v0.0.0-20200101000000-abcdefabcdef"])
        yield f"{name} {version}{chance.choice(['', '/go.mod'])} {CHECKSUM}\n"


@pytest.mark.parametrize("seed", range(6))
def test_the_modules_are_those_of_stock_in_its_order(tmp_path, seed):
    path = tmp_path / "go.sum"
    path.write_text("".join(some_lines(seed)))

    found = parse_gosum(str(path))

    assert as_data(found) == as_data(stock("packagedcode.go_mod").parse_gosum(str(path)))


@pytest.mark.parametrize(
    "content", [b"not a module\n", b"\n", f"a v1 {CHECKSUM}\n\n".encode(), b"\xff v1 h1:a=\n", b""]
)
def test_what_is_no_module_is_the_same_error_as_in_stock(tmp_path, content):
    path = tmp_path / "go.sum"
    path.write_bytes(content)
    outcomes = []
    for parse in (parse_gosum, stock("packagedcode.go_mod").parse_gosum):
        try:
            outcomes.append(as_data(parse(str(path))))
        except (AttributeError, UnicodeDecodeError) as error:
            outcomes.append((type(error), str(error)))

    assert outcomes[0] == outcomes[1]


def test_no_two_modules_are_compared(tmp_path, monkeypatch):
    path = tmp_path / "go.sum"
    path.write_text("".join(f"example.com/{number} v1.0.{number} {CHECKSUM}\n" for number in range(100)))
    monkeypatch.setattr("packagedcode.go_mod.GoModule.__eq__", None)

    assert len(parse_gosum(str(path))) == 100
