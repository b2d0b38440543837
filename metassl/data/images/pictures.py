"""Picture files: which are there, and what is in them."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from metassl.errors import DataError

MODES = {1: "L", 3: "RGB"}
PHOTOGRAPHS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP")


def decode(picture: Path | bytes, mode: str, what: str) -> Image.Image:
    """A picture file, or its content, the right way up and in Pillow's `mode`.

    Of Pillow's formats those of photographs are opened alone: some others start programs. What is transparent
    shows white paper, of an animation the first picture counts, and 16 bits of grey become 8.

    Args:
        picture: the file or the bytes in it.
        mode: RGB or L.
        what: opens the line of an error.

    Raises:
        DataError: it can't be read, is of another format, has more than 16 bits a channel, or more pixels
            than `Image.MAX_IMAGE_PIXELS`, which a few bytes can claim.
    """
    try:
        source = picture if isinstance(picture, Path) else io.BytesIO(picture)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(source, formats=PHOTOGRAPHS) as image:
                found = image.mode
                upright = _on_paper(_of_8_bits(ImageOps.exif_transpose(image))).convert(mode)
    except UnidentifiedImageError as error:
        allowed = ", ".join(PHOTOGRAPHS)
        raise DataError(
            f"{what} can't be read as a picture: unknown format. Allowed are {allowed}."
        ) from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(
            f"{what} can't be read as a picture: it has more pixels than the {Image.MAX_IMAGE_PIXELS:,} that "
            "are allowed."
        ) from error
    # Pillow's decoders raise nearly anything on a broken file.
    except Exception as error:
        raise DataError(f"{what} can't be read as a picture: {' '.join(str(error).split())}.") from error
    if found in ("I", "F"):  # Pillow would clip these values to 255
        raise DataError(f"{what}: found a picture of mode {found}, allowed are 8 or 16 bits a channel.")
    return upright


def _of_8_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits with the upper 8 of them, which Pillow would clip."""
    if not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))


def _on_paper(image: Image.Image) -> Image.Image:
    """On white where it is transparent, whose own colour is often black there."""
    if not image.has_transparency_data:
        return image
    seen = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)


def fitted(file: Path, size: int, channels: int) -> np.ndarray:
    """A picture file [size, size, channels] uint8: its shorter side is resized to `size`, the centre is kept.

    Raises as `decode`.
    """
    upright = decode(file, MODES[channels], f"'{file}'")
    return np.asarray(centre_of(upright, (size, size))).reshape(size, size, channels)


def centre_of(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The largest middle part of these proportions, resized bicubically to (width, height)."""
    return ImageOps.fit(picture, size, Image.Resampling.BICUBIC)


def squeeze(images: np.ndarray, size: int, resample: Image.Resampling) -> np.ndarray:
    """Images [b, h, w, 3] uint8 -> [b, size, size, 3]: nothing is cut off, so proportions may change."""
    if images.shape[1:3] == (size, size):
        return images
    resized = [Image.fromarray(image).resize((size, size), resample) for image in images]
    return np.stack([np.asarray(image) for image in resized])
