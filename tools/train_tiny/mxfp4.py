"""MXFP4 encoding of weight matrices: 4-bit e2m1 codes, one power-of-two scale per 32 inputs."""

import torch

BLOCK = 32
SCALE_BIAS = 127
MAGNITUDES = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
# Halfway points between neighbouring magnitudes.
BOUNDARIES = (MAGNITUDES[1:] + MAGNITUDES[:-1]) / 2


def _round_magnitude(blocks, exponent):
    """Indices into MAGNITUDES of |blocks| / 2^exponent, rounded to the nearest, clamped at 6."""
    return torch.bucketize((blocks.abs() * torch.exp2(-exponent)).contiguous(), BOUNDARIES)


def _choose(weight):
    """The scale exponents of least squared error and the codes' magnitudes.

    weight: [..., in], in a multiple of 32. Returns blocks [..., in/32, 32], exponent
    [..., in/32, 1], magnitude index [..., in/32, 32].
    """
    blocks = weight.unflatten(-1, (-1, BLOCK))
    largest = blocks.abs().amax(-1, keepdim=True).clamp_min(2.0**-100)
    base = torch.floor(torch.log2(largest)) - 2
    best = None
    # The largest value lies in [4, 8) for `base`: clamping it at 6 and halving the resolution are
    # both worth a try, and which of the two loses less differs from block to block.
    for exponent in (base, base + 1):
        index = _round_magnitude(blocks, exponent)
        error = (MAGNITUDES[index] * torch.exp2(exponent) - blocks.abs()).square().sum(-1, True)
        if best is None:
            best = (error, exponent, index)
        else:
            better = error < best[0]
            best = tuple(torch.where(better, a, b) for a, b in zip((error, exponent, index), best))
    return blocks, best[1], best[2]


def fake_quantize(weight):
    """`weight` [..., in] as it will read back from MXFP4, in the same shape."""
    blocks, exponent, index = _choose(weight)
    value = MAGNITUDES[index] * torch.exp2(exponent) * torch.where(blocks < 0, -1.0, 1.0)
    return value.flatten(-2)


def encode(weight):
    """Encodes [..., out, in] to u8 blocks [..., out, in/32, 16] and scales [..., out, in/32].

    Byte b of a block holds element 2b in its low nibble and 2b + 1 in its high one.
    """
    blocks, exponent, index = _choose(weight)
    # Minus zero has a code of its own; writing plain zero keeps the file compressible.
    negative = (blocks < 0) & (index > 0)
    codes = (index + 8 * negative).to(torch.uint8)
    packed = codes[..., 0::2] | (codes[..., 1::2] << 4)
    scales = (exponent.squeeze(-1) + SCALE_BIAS).to(torch.uint8)
    return packed.contiguous(), scales.contiguous()


def decode(packed, scales):
    """The inverse of `encode`, float32 [..., out, in]."""
    codes = torch.stack((packed & 15, packed >> 4), -1).flatten(-2).long()
    value = MAGNITUDES[codes & 7] * torch.where(codes >= 8, -1.0, 1.0)
    exponent = scales.to(torch.float32).unsqueeze(-1) - SCALE_BIAS
    return (value * torch.exp2(exponent)).flatten(-2)
