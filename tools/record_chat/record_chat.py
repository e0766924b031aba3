#!/usr/bin/env python3
"""Records a session of `fairlead chat` as a picture: docs/images/chat.svg. By hand:

  python3 -m venv .venv && .venv/bin/pip install -r tools/record_chat/requirements.txt
  .venv/bin/python tools/record_chat/record_chat.py

The session runs in a pseudo-terminal with tools whose answers are fixed, so that the same model
gives the same picture; what is shown is what the terminal held at the end. Look at it.
"""

import argparse
import fcntl
import json
import os
import pty
import select
import struct
import tempfile
import termios
import time
import unicodedata
from html import escape
from pathlib import Path

import pyte

ROOT = Path(__file__).resolve().parents[2]
CELL, LINE, PADDING = 8.4, 19, 14
BACKGROUND, FOREGROUND = "#16181d", "#d8dce4"
COLOURS = {"cyan": "#6cc7d6", "red": "#e8837f", "green": "#8fca7e", "brown": "#d9b36b"}
DIM = "#828997"

# Declared as the bundled model was taught them.
TOOLS = [
    {"name": "today", "description": "Tells the date.",
     "command": ["echo", '{"day": "Monday", "date": 23}']},
    {"name": "weather", "description": "Tells the weather in a town.",
     "parameters": {"type": "object", "properties": {"town": {"type": "string"}},
                    "required": ["town"]},
     "command": ["echo", '{"sky": "fog", "degrees": 12}']},
]
# What is typed, and what the screen then shows before the next step.
SESSION = [
    ("How is the weather in Oslo?\r", "y(es), n(o)"),
    ("y\r", None),
    ("What is a fairlead?\r", None),
    ("\x0f", None),  # Ctrl-O
    ("Thanks!\r", None),
    ("/stats\r", None),
]


class DimScreen(pyte.Screen):
    """pyte forgets what is dim: it is kept as a colour."""

    def select_graphic_rendition(self, *attributes, **kwargs):
        super().select_graphic_rendition(*attributes, **kwargs)
        if 2 in attributes:
            self.cursor.attrs = self.cursor.attrs._replace(fg="dim")


class Session:
    def __init__(self, command, columns, rows, home):
        self.screen = DimScreen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        size = struct.pack("HHHH", rows, columns, 0, 0)
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            os.environ.update(TERM="xterm-256color", HOME=home, LANG="C.UTF-8")
            os.execv(command[0], command)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, size)

    def cursor_line(self):
        return self.screen.display[self.screen.cursor.y][:self.screen.cursor.x]

    def listen(self, done, seconds=60):
        """Reads until `done` and nothing has come for a moment."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ready, _, _ = select.select([self.terminal], [], [], 0.3)
            if ready:
                self.stream.feed(os.read(self.terminal, 65536))
            elif done():
                return
        raise SystemExit(f"[record_chat] waited in vain; the screen:\n"
                         + "\n".join(self.screen.display))

    def at_prompt(self):
        return self.cursor_line() == "> "

    def type(self, keys, until):
        for key in keys:
            os.write(self.terminal, key.encode())
            time.sleep(0.02)
        if until is None:
            self.listen(self.at_prompt)
        else:
            self.listen(lambda: any(until in line for line in self.screen.display))


def spans(line, columns):
    """Runs of characters that look alike, as (column, text, colour, bold)."""
    runs = []
    for column in range(columns):
        cell = line[column]
        if not cell.data:  # the right half of a wide character
            continue
        look = (cell.fg, cell.bold)
        if runs and runs[-1][2] == look and runs[-1][3] == column:
            start, text, _, _ = runs[-1]
            runs[-1] = (start, text + cell.data, look, column + width(cell.data))
        else:
            runs.append((column, cell.data, look, column + width(cell.data)))
    # Not every viewer keeps spaces at the ends of a text.
    return [(start + len(text) - len(text.lstrip(" ")), text.strip(" "), *look)
            for start, text, look, _ in runs if text.strip(" ")]


def width(text):
    return 2 if unicodedata.east_asian_width(text[0]) in "WF" else 1


def svg(screen, title):
    rows = len(screen.display)
    while rows > 1 and not screen.display[rows - 1].strip():
        rows -= 1
    head = 30
    w = screen.columns * CELL + 2 * PADDING
    h = rows * LINE + 2 * PADDING + head
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{w:.0f}" height="{h:.0f}" '
           f'viewBox="0 0 {w:.0f} {h:.0f}" role="img" aria-label="{escape(title)}">',
           f"<title>{escape(title)}</title>",
           f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>']
    for i, colour in enumerate(("#e8837f", "#d9b36b", "#8fca7e")):
        out.append(f'<circle cx="{PADDING + 8 + 20 * i}" cy="18" r="6" fill="{colour}"/>')
    out.append(f'<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" '
               f'font-size="14" fill="{FOREGROUND}" xml:space="preserve">')
    for row in range(rows):
        y = head + PADDING + (row + 0.75) * LINE
        for column, text, colour, bold in spans(screen.buffer[row], screen.columns):
            fill = DIM if colour == "dim" else COLOURS.get(colour, "")
            look = (f' fill="{fill}"' if fill else "") + (' font-weight="bold"' if bold else "")
            length = sum(width(c) for c in text) * CELL
            out.append(f'<text x="{PADDING + column * CELL:.1f}" y="{y:.1f}" '
                       f'textLength="{length:.1f}"{look}>{escape(text)}</text>')
    x = PADDING + screen.cursor.x * CELL
    y = head + PADDING + screen.cursor.y * LINE + 2
    out.append(f'</g><rect x="{x:.1f}" y="{y:.1f}" width="{CELL}" height="{LINE - 3}" '
               f'fill="{FOREGROUND}"/></svg>')
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description="Records docs/images/chat.svg.")
    parser.add_argument("--program", default=ROOT / "build/release/bin/fairlead")
    parser.add_argument("--model", default=ROOT / "models/tiny-gpt-oss")
    parser.add_argument("--output", default=ROOT / "docs/images/chat.svg", type=Path)
    parser.add_argument("--columns", type=int, default=88)
    parser.add_argument("--rows", type=int, default=32)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        tools = Path(home) / "tools.json"
        tools.write_text(json.dumps(TOOLS))
        command = [str(arguments.program), "chat", str(arguments.model), "--temperature", "0",
                   "--date", "none", "--tools", str(tools)]
        # Once before, so that the picture does not begin with an export.
        os.system(f"HOME={home} {' '.join(command)} --message x --max_tokens 1 >/dev/null 2>&1")
        session = Session(command, arguments.columns, arguments.rows, home)
        session.listen(session.at_prompt)
        for keys, until in SESSION:
            session.type(keys, until)
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(svg(session.screen, "A conversation in fairlead chat"))
    print(f"[record_chat] wrote {arguments.output}")


if __name__ == "__main__":
    main()
