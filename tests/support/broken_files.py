"""Files that are broken or made to do harm, of each kind that metassl reads."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image

HUGE = 36 << 40  # bytes, 36 TiB
ALIASES = "a0: &a0 [x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 12)
)
BYTES = {
    "empty": b"",
    "text": b"hello, this is no such file\n",
    "zeros": bytes(300),
    "noise": np.random.default_rng(0).bytes(3000),
}


def cut(whole: bytes) -> dict[str, bytes]:
    """The file, broken off early and late."""
    return {f"cut at {share}": whole[: int(share * len(whole))] for share in (0.1, 0.5, 0.9)}


class Bomb:
    """Writes a file where it is unpickled."""

    def __init__(self, flag: str) -> None:
        self.flag = flag

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.flag, "w")


def npy(shape: tuple[int, ...], descr: str = "|u1", body: bytes = b"0123") -> bytes:
    """An array's file whose header may claim what its body has not."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue() + body


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return file.getvalue()


def patched(whole: bytes, local: int, central: int, value: bytes) -> bytes:
    """A zip file with another value in the headers of its first member, at these places."""
    at = whole.index(b"PK\x01\x02")
    changed = bytearray(whole)
    changed[local : local + len(value)] = value
    changed[at + central : at + central + len(value)] = value
    return bytes(changed)


def archives(members: dict[str, bytes]) -> dict[str, bytes]:
    """The archive, packed as none is that metassl reads."""
    whole = archive(members)
    return {
        "encrypted": patched(whole, 6, 8, b"\x01\x00"),
        "bzip2": archive(members, zipfile.ZIP_BZIP2),
        "lzma": archive(members, zipfile.ZIP_LZMA),
        "unknown method": patched(whole, 8, 10, struct.pack("<H", 99)),
        "a bomb": patched(whole, 22, 24, struct.pack("<I", 4_000_000_000)),
    }


def npz_files(good: dict[str, np.ndarray]) -> dict[str, bytes]:
    """Files of arrays."""
    file = io.BytesIO()
    np.savez(file, **good)  # type: ignore[arg-type]
    whole = file.getvalue()
    with zipfile.ZipFile(io.BytesIO(whole)) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}

    def with_images(content: bytes) -> bytes:
        return archive({**members, "images.npy": content})

    objects = io.BytesIO()
    np.save(objects, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    long = b"\x93NUMPY\x02\x00" + struct.pack("<I", 20_000) + b"{" + b" " * 19_999
    return {
        **BYTES, **cut(whole), **archives(members),
        "36 TiB": with_images(npy((HUGE,))), "negative": with_images(npy((-4,))),
        "endless text": with_images(npy((4,), f"<U{1 << 28}")), "objects": with_images(objects.getvalue()),
        "long header": with_images(long), "no header": with_images(b"\x93NUMPY\x01\x00\x05\x00{'a':"),
        "no magic": with_images(b"hello"), "version 9": with_images(b"\x93NUMPY\x09\x00" + bytes(50)),
        "code in the header": with_images(npy((4,)).replace(b"False", b"exit()")),
        "one array": npy((4,)), "no labels": archive({"images.npy": members["images.npy"]}),
    }  # fmt: skip


def png(width: int, height: int) -> bytes:
    """A picture that claims this size."""
    file = io.BytesIO()
    Image.new("L", (2, 2)).save(file, "PNG")
    whole = bytearray(file.getvalue())
    whole[16:24] = struct.pack(">II", width, height)
    crc = struct.pack(">I", __import__("zlib").crc32(bytes(whole[12:29])))
    whole[29:33] = crc
    return bytes(whole)


EPS = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(%pipe%id) (r) file\nshowpage\n%%EOF\n"
)


def pictures() -> dict[str, bytes]:
    """Files of pictures."""
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(whole, "PNG")
    others = {}
    for kind in ("PPM", "ICNS", "PDF", "TGA"):
        file = io.BytesIO()
        Image.new("RGB", (16, 16)).save(file, kind)
        others[kind] = file.getvalue()
    deep = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.float32)).save(deep, "TIFF")
    return {
        **BYTES, **cut(whole.getvalue()), **others, "EPS": EPS, "a bomb": png(60_000, 60_000),
        "a smaller bomb": png(10_000, 10_000), "no width": png(0, 8), "32 bits": deep.getvalue(),
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
    }  # fmt: skip


JSON = {
    **BYTES,
    "a list": b"[1, 2]",
    "a number": b"3",
    "nothing in it": b"{}",
    "deep": b"[" * 100_000,
    "deep keys": b'{"a":' * 100_000,
    "a long number": b'{"seed": ' + b"9" * 5000 + b"}",
    "half": b'{"choices": {"model": "maml"',
}
YAML = {
    "text": b"hello",
    "a list of lists": b"- [a, b]\n- c\n",
    "half": b"a: [1",
    "a tab": b"a:\n\tb: 1\n",
    "noise": BYTES["noise"],
    "aliases": ALIASES.encode(),
    "deep": b"[" * 20_000,
    "a loop": b"a: &a [*a]\n",
    "huge": b"# " + b"x" * (1 << 21),
    "a tag of Python": b"a: !!python/object/apply:os.system [exit 1]\n",
    "a resolver": b"dataset: ${oc.env:HOME}\n",
    "an unknown key": b"a: ${nowhere}\n",
}


def changed(whole: bytes, *changes: Callable[[dict[str, Any]], Any]) -> list[bytes]:
    """The JSON object, with each change."""
    found = []
    for change in changes:
        content = json.loads(whole)
        change(content)
        found.append(json.dumps(content).encode())
    return found


def torch_file(content: object) -> bytes:
    """A checkpoint."""
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def checkpoints(whole: bytes, flag: str) -> dict[str, bytes]:
    """Files in the place of weights."""
    return {
        **BYTES, **cut(whole), "a pickle": pickle.dumps(Bomb(flag)), "a bomb": torch_file(Bomb(flag)),
        "a bomb inside": torch_file({"state_dict": {"learner.a": Bomb(flag)}}),
        "a tensor": torch_file(torch.zeros(2)), "no weights": torch_file({"global_step": 1}),
        "weights of another kind": torch_file({"state_dict": {"learner.a": torch.zeros(2)}}),
        "no tensors": torch_file({"state_dict": {"learner.a": "b", 3: 4}}),
        "it expands": archives({"archive/data.pkl": b"1234"})["a bomb"],
    }  # fmt: skip


def resumed_checkpoints(good: dict[str, Any], flag: str) -> dict[str, bytes]:
    """Checkpoints that no training can go on from."""

    def without(key: str) -> bytes:
        return torch_file({name: value for name, value in good.items() if name != key})

    def with_(key: str, value: object) -> bytes:
        return torch_file({**good, key: value})

    state, schedule = good["optimizer_states"][0], good["lr_schedulers"][0]
    moments = {k: {n: torch.zeros(3, 3) for n in v} for k, v in state["state"].items()}
    weights = {name: torch.zeros(2, 7) for name in good["state_dict"]}
    return {
        **checkpoints(torch_file(good), flag),
        **{f"no {key}": without(key) for key in good if key not in ("hparams_name", "hyper_parameters")},
        "other shapes": with_("state_dict", weights), "two optimisers": with_("optimizer_states", [state, state]),
        "no optimiser in it": with_("optimizer_states", []), "optimiser of text": with_("optimizer_states", ["a"]),
        "moments of other shapes": with_("optimizer_states", [{**state, "state": moments}]),
        "no groups": with_("optimizer_states", [{**state, "param_groups": []}]),
        "a rate of text": with_("optimizer_states", [{**state, "param_groups": [{**state["param_groups"][0], "lr": "a"}]}]),
        "a schedule of text": with_("lr_schedulers", ["a"]),
        "a schedule with more": with_("lr_schedulers", [{**schedule, "step": 3}]),
        "a step too far": with_("global_step", 10**9), "a step of text": with_("global_step", "3"),
        "a version of text": with_("pytorch-lightning_version", "banana"), "empty loops": with_("loops", {}),
        "loops of text": with_("loops", {"fit_loop": {"epoch_progress": "a"}}),
        "callbacks of text": with_("callbacks", dict.fromkeys(good["callbacks"], "a")),
        "no best": with_("callbacks", {**good["callbacks"], "KeepBest": {"found": ["a"], "step": 0}}),
        "no stream": with_("EpisodeDataModule", {"start": "a"}),
    }  # fmt: skip
