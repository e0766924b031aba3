#!/usr/bin/env python3
"""Draws what `bench_engine MODEL stall --json` printed: the gaps of all streams over time.

    bench_engine MODEL stall --json | bench/plot_stall.py > docs/images/engine_stall.svg
"""
import json
import sys

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 860, 360, 70, 30, 20, 50


def main():
    run = json.load(sys.stdin)
    arrivals = run["arrivals"]
    begin = max(stream[0] for stream in arrivals)
    end = max(stream[-1] for stream in arrivals)
    top = 1.15 * 1e3 * max(run["limit"], run["longest_gap"])

    def x(seconds):
        return LEFT + (seconds - begin) / (end - begin) * (WIDTH - LEFT - RIGHT)

    def y(milliseconds):
        return HEIGHT - BOTTOM - milliseconds / top * (HEIGHT - TOP - BOTTOM)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]

    def text(px, py, words, anchor="middle", fill="#333"):
        out.append(f'<text x="{px:.1f}" y="{py:.1f}" text-anchor="{anchor}" fill="{fill}">{words}</text>')

    left, right = x(run["submitted"]), x(run["answered"])
    out.append(f'<rect x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" '
               f'height="{HEIGHT - TOP - BOTTOM}" fill="#eef3fa"/>')
    text((left + right) / 2, TOP + 16, "a prompt of 4,000 tokens runs in chunks", fill="#456")
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if top / s <= 8)
    for mark in range(0, int(top) + 1, step):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}" '
                   'stroke="#ddd"/>')
        text(LEFT - 8, y(mark) + 4, mark, "end")
    for value, words, colour, end_of_words in (
        (run["limit"], "limit: 3 medians and a chunk", "#c0392b", WIDTH - RIGHT - 4),
        (run["median_gap"], "undisturbed median", "#2c7a3f", (left + right) / 2),
    ):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(1e3 * value):.1f}" '
                   f'y2="{y(1e3 * value):.1f}" stroke="{colour}" stroke-dasharray="6 4"/>')
        text(end_of_words, y(1e3 * value) - 5, words, "end", colour)
    for stream in arrivals:
        for before, now in zip(stream, stream[1:]):
            if before >= begin:
                out.append(f'<circle cx="{x(now):.1f}" cy="{y(1e3 * (now - before)):.1f}" r="1.6" '
                           'fill="#1f5fa8" fill-opacity="0.5"/>')
    for tenth in range(0, 11, 2):
        seconds = begin + (end - begin) * tenth / 10
        text(x(seconds), HEIGHT - BOTTOM + 18, f"{seconds:.0f}")
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "seconds")
    out.append(f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" '
               'text-anchor="middle" fill="#333">gap between tokens of a stream, ms</text>')
    out.append("</svg>")
    print("\n".join(out))


if __name__ == "__main__":
    main()
