"""Attention with sinks, fast on a CPU.

PyTorch's fused attention knows no sinks, computes what the mask hides and cannot use the processor's
bfloat16 products. Here are plain batched products, over blocks of queries with the keys that these
can see; only the softmax between them is compiled. The heads that share keys share a product.
"""

import dataclasses
import functools
import math

import torch
from torch.nn import functional as F

BLOCK = 128  # queries of a block where there is no window


@dataclasses.dataclass(frozen=True)
class Layout:
    """How the tokens of a batch, which go through a layer as one long row, are divided. An object,
    because a layer would be compiled anew for each number it is called with."""

    length: int


@torch.compile(dynamic=True)
def _shares(scores, sinks, mask):
    """The softmax over the keys and the sink, without the sink's share."""
    scores = scores + mask
    highest = torch.maximum(scores.amax(-1, keepdim=True), sinks)
    powers = (scores - highest).exp()
    return powers / (powers.sum(-1, keepdim=True) + (sinks - highest).exp())


@torch.compile(dynamic=True)
def _shares_backward(shares, grad):
    """The gradients of the scores, and of each query's sink."""
    mean = (shares * grad).sum(-1, keepdim=True)
    return shares * (grad - mean), -mean * (1 - shares.sum(-1, keepdim=True))


class SoftmaxWithSink(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores, sinks, mask):
        """scores: [..., heads, queries, keys]; sinks: [heads]; mask is added to the scores."""
        shares = _shares(scores, sinks.view(-1, 1, 1), mask)
        ctx.save_for_backward(shares)
        return shares

    @staticmethod
    def backward(ctx, grad):
        (shares,) = ctx.saved_tensors
        scores, sinks = _shares_backward(shares, grad)
        return scores, sinks.sum((-1, -2)).flatten(0, -2).sum(0), None


@functools.cache
def _mask(queries, keys, first_query, window):
    """What hides the future and all that is behind the window, [queries, keys]."""
    distance = torch.arange(queries)[:, None] + first_query - torch.arange(keys)
    hidden = (distance < 0) | (distance >= window)
    return torch.zeros(queries, keys).masked_fill(hidden, -math.inf)


@functools.cache
def _window_masks(chunks, window):
    """Of each chunk of a row for its own keys and those of the chunk before, of which the first has
    none: [chunks, 1, window, 2 * window]."""
    masks = _mask(window, 2 * window, window, window).repeat(chunks, 1, 1)
    masks[0, :, :window] = -math.inf
    return masks.unsqueeze(1)


def _windowed(q, k, v, sinks, window):
    """q: [rows, length, kv_heads, group, dim]; k, v: [rows, length, kv_heads, dim]; the length is a
    multiple of the window. Chunks of queries as long as the window see their own and the chunk
    before. Returns q's shape."""
    rows, length, kv_heads, group, dim = q.shape
    chunks = length // window

    def with_chunk_before(x):
        """[rows * chunks * kv_heads, dim, 2 * window]"""
        padded = F.pad(x, (0, 0, 0, 0, window, 0))
        return padded.unfold(1, 2 * window, window).reshape(-1, dim, 2 * window)

    q = q.view(rows, chunks, window, kv_heads, group, dim).permute(0, 1, 3, 4, 2, 5)
    scores = torch.bmm(q.reshape(-1, group * window, dim), with_chunk_before(k))
    shares = SoftmaxWithSink.apply(
        scores.view(rows, chunks, kv_heads * group, window, 2 * window), sinks,
        _window_masks(chunks, window))
    out = torch.bmm(shares.view(-1, group * window, 2 * window),
                    with_chunk_before(v).transpose(1, 2))
    out = out.view(rows, chunks, kv_heads, group, window, dim).permute(0, 1, 4, 2, 3, 5)
    return out.reshape(rows, length, kv_heads, group, dim)


def _full(q, k, v, sinks):
    """The same without a window."""
    rows, length, kv_heads, group, dim = q.shape
    q = q.permute(0, 2, 3, 1, 4)
    k = k.permute(0, 2, 3, 1).reshape(-1, dim, length)
    v = v.permute(0, 2, 1, 3).reshape(-1, length, dim)
    outs = []
    for begin in range(0, length, BLOCK):
        end = min(begin + BLOCK, length)
        queries = end - begin
        scores = torch.bmm(q[:, :, :, begin:end].reshape(-1, group * queries, dim), k[:, :, :end])
        shares = SoftmaxWithSink.apply(scores.view(rows, kv_heads * group, queries, end), sinks,
                                       _mask(queries, end, begin, length))
        out = torch.bmm(shares.view(-1, group * queries, end), v[:, :end])
        outs.append(out.view(rows, kv_heads, group, queries, dim))
    return torch.cat(outs, 3).permute(0, 3, 1, 2, 4)


@torch.compiler.disable
def attend(q, k, v, sinks, layout, window):
    """q: [rows * length, heads, dim], scaled; k, v: [rows * length, kv_heads, dim]; window: None
    without one. Query head h reads kv head h // (heads / kv_heads). Returns q's shape."""
    tokens, heads, dim = q.shape
    q = q.view(-1, layout.length, k.shape[1], heads // k.shape[1], dim)
    k, v = (x.view(-1, layout.length, *x.shape[1:]) for x in (k, v))
    whole = window is None or layout.length <= window
    out = _full(q, k, v, sinks) if whole else _windowed(q, k, v, sinks, window)
    return out.reshape(tokens, heads, dim)
