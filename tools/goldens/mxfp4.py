"""Goldens of the MXFP4 decoder: HF's convert_moe_packed_tensors on all codes and all scales."""

import numpy as np
import torch
from safetensors.torch import save_file
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

BLOCK_BYTES = 16
# Scale 255 means NaN in the MX format; HF takes it as 2^128.
VALID_SCALES = 255


def decoded(blocks, scales):
    values = convert_moe_packed_tensors(blocks, scales, dtype=torch.float32)
    return {"blocks": blocks, "scales": scales, "values": values}


def all_codes_and_scales():
    """Row r has scale r, and each of the 16 codes once in a low and once in a high nibble."""
    low = torch.arange(BLOCK_BYTES)
    block = (low + 16 * ((low + 5) % 16)).to(torch.uint8)
    blocks = block.expand(1, VALID_SCALES, 1, BLOCK_BYTES).contiguous()
    return decoded(blocks, torch.arange(VALID_SCALES, dtype=torch.uint8).reshape(1, -1, 1))


def random_experts():
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (3, 7, 2, BLOCK_BYTES), dtype=np.uint8)
    scales = rng.integers(110, 135, (3, 7, 2), dtype=np.uint8)
    return decoded(torch.from_numpy(blocks), torch.from_numpy(scales))


def write_mxfp4(folder):
    folder.mkdir(parents=True, exist_ok=True)
    save_file(all_codes_and_scales(), folder / "all_codes_and_scales.safetensors")
    save_file(random_experts(), folder / "random_experts.safetensors")
