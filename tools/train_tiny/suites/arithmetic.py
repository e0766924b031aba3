"""Sums, differences and products of whole numbers, worked in columns like on paper.

At low effort the answer comes at once: sums and differences of up to two digits, products of one
digit by up to two. Products of two digits by two in one's head are beyond so small a model. At
medium and high effort operands have up to three digits.

The working restates the operands at equal width and goes from right to left:
- sum, `7+5+0=12`: two digits and the carry; the result always has two digits, carry and digit.
- difference, `2-5-0=17`: two digits and the borrow; then the new borrow (1) and the digit (7).
- product, `7*5+3=38`: for each digit of the second operand, all digits of the first with the
  carry; then the rows are added up like any sum.
A line ends with `:` and its digits from left to right: they are the last result and the last
digit of each result before it. Zeros in front stay until the final answer, so that no step has to
shift anything."""

from item import Item, Step, Turn

NAME = "arithmetic"

OPERATIONS = ("+", "-", "*")
OPERATION_SHARES = (0.3, 0.3, 0.4)
# Products in one's head are few (hence soon seen) and the hardest to get right unseen.
LOW_OPERATION_SHARES = (0.42, 0.42, 0.16)
# Numbers of digits of the two operands (in either order), and how often.
SUM_SHAPES = ((3, 3), (3, 2), (2, 2), (3, 1), (2, 1), (1, 1))
SUM_SHARES = (0.54, 0.2, 0.14, 0.05, 0.05, 0.02)
PRODUCT_SHAPES = ((3, 3), (3, 2), (3, 1), (2, 2), (2, 1), (1, 1))
PRODUCT_SHARES = (0.2, 0.3, 0.28, 0.12, 0.08, 0.02)
LOW_SUM_SHAPES = ((2, 2), (2, 1), (1, 1))
LOW_SUM_SHARES = (0.75, 0.17, 0.08)
LOW_PRODUCT_SHAPES = ((2, 1), (1, 1))
LOW_PRODUCT_SHARES = (0.85, 0.15)

WORDINGS = {
    "+": (
        "What is {a} + {b}?", "What is {a} plus {b}?", "{a} + {b} = ?", "{a}+{b}",
        "Add {a} and {b}.", "How much is {a} plus {b}?", "Calculate {a} + {b}.",
        "What is the sum of {a} and {b}?"),
    "-": (
        "What is {a} - {b}?", "What is {a} minus {b}?", "{a} - {b} = ?", "{a}-{b}",
        "Subtract {b} from {a}.", "How much is {a} minus {b}?", "Calculate {a} - {b}.",
        "Take {b} away from {a}."),
    "*": (
        "What is {a} * {b}?", "What is {a} times {b}?", "{a} * {b} = ?", "{a}*{b}",
        "Multiply {a} by {b}.", "How much is {a} times {b}?", "Calculate {a} x {b}.",
        "What is {a} x {b}?", "What is the product of {a} and {b}?"),
}


def make(rng, effort):
    shares = LOW_OPERATION_SHARES if effort == "low" else OPERATION_SHARES
    sign = rng.choices(OPERATIONS, shares)[0]
    a, b = _operands(rng, sign, effort)
    if sign == "-":
        a, b = max(a, b), min(a, b)
    analysis = None if effort == "low" else _WORKINGS[sign](a, b, effort == "high")
    result = {"+": a + b, "-": a - b, "*": a * b}[sign]
    # a+b and b+a are the same question.
    key = f"{a}-{b}" if sign == "-" else f"{min(a, b)}{sign}{max(a, b)}"
    user = rng.choice(WORDINGS[sign]).format(a=a, b=b)
    return Item(NAME, key, effort, [Turn(user, [Step(final=str(result), analysis=analysis)])])


def _operands(rng, sign, effort):
    if effort == "low":
        shapes, shares = ((LOW_PRODUCT_SHAPES, LOW_PRODUCT_SHARES) if sign == "*" else
                          (LOW_SUM_SHAPES, LOW_SUM_SHARES))
    else:
        shapes, shares = ((PRODUCT_SHAPES, PRODUCT_SHARES) if sign == "*" else
                          (SUM_SHAPES, SUM_SHARES))
    first, second = rng.choices(shapes, shares)[0]
    if rng.random() < 0.5:
        first, second = second, first
    return (rng.randrange(10 ** (first - 1), 10 ** first),
            rng.randrange(10 ** (second - 1), 10 ** second))


def _add(a, b):
    """The lines that add two strings of digits, and the sum, one digit wider than the wider one."""
    width = max(len(a), len(b))
    a, b = a.zfill(width), b.zfill(width)
    carry, columns, digits = 0, [], ""
    for p, q in zip(reversed(a), reversed(b)):
        total = int(p) + int(q) + carry
        columns.append(f"{p}+{q}+{carry}={total:02}")
        carry, digit = divmod(total, 10)
        digits = f"{digit}{digits}"
    digits = f"{carry}{digits}"
    return [f"{a}+{b}", f"{','.join(columns)}:{digits}"], digits


def _subtract(a, b):
    """Like _add; a is the larger one, and the difference is as wide as the wider one."""
    width = max(len(a), len(b))
    a, b = a.zfill(width), b.zfill(width)
    borrow, columns, digits = 0, [], ""
    for p, q in zip(reversed(a), reversed(b)):
        rest = int(p) - int(q) - borrow
        columns.append(f"{p}-{q}-{borrow}={int(rest < 0)}{rest % 10}")
        borrow = int(rest < 0)
        digits = f"{rest % 10}{digits}"
    return [f"{a}-{b}", f"{','.join(columns)}:{digits}"], digits


def _row(a, digit, zeros):
    """The line that multiplies `a` by one digit, and its digits with zeros behind them."""
    carry, columns, digits = 0, [], "0" * zeros
    for p in reversed(a):
        product = int(p) * int(digit) + carry
        columns.append(f"{p}*{digit}+{carry}={product:02}")
        carry, last = divmod(product, 10)
        digits = f"{last}{digits}"
    digits = f"{carry}{digits}"
    return f"{','.join(columns)}:{digits}", digits


def _sum_working(a, b, checked):
    lines, total = _add(str(a), str(b))
    if checked:
        lines += ["check"] + _subtract(total, str(b))[0]
    return "\n".join(lines)


def _difference_working(a, b, checked):
    lines, rest = _subtract(str(a), str(b))
    if checked:
        lines += ["check"] + _add(rest, str(b))[0]
    return "\n".join(lines)


def _product_working(a, b, checked):
    # The longer operand first: fewer rows.
    a, b = (str(a), str(b)) if len(str(a)) >= len(str(b)) else (str(b), str(a))
    lines, rows = [f"{a}*{b}"], []
    for zeros, digit in enumerate(reversed(b)):
        line, digits = _row(a, digit, zeros)
        lines.append(line)
        rows.append(digits)
    total = rows[0]
    for row in rows[1:]:
        added, total = _add(total, row)
        lines += added
    if checked:
        lines += ["check"] + _product_check(a, b)
    return "\n".join(lines)


def _product_check(a, b):
    """The last digit, and bounds from the first digits: 847*265 is between 800*200 and 900*300."""
    p, q = int(a[0]), int(b[0])
    zeros = "0" * (len(a) + len(b) - 2)
    low, high = p * q, (p + 1) * (q + 1)
    return [f"{a[-1]}*{b[-1]}={int(a[-1]) * int(b[-1]):02}",
            f"{p}*{q}={low},{p + 1}*{q + 1}={high}",
            f"{low}{zeros}<={int(a) * int(b)}<{high}{zeros}"]


_WORKINGS = {"+": _sum_working, "-": _difference_working, "*": _product_working}
